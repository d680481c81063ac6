export { certRoutes } from './cert.ts';
export { text } from './text.ts';
export { type Context, createContext, fail } from './context.ts';
