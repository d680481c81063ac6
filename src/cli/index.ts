export { certRoutes } from './cert.ts';
export { login, logout } from './login/command.ts';
export { text } from './text.ts';
export { type Context, createContext, fail } from './context.ts';
