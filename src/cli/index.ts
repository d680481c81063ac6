export { certRoutes } from './cert.ts';
export { type Context, createContext, fail } from './context.ts';
