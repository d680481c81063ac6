export { certRoutes } from './cert.ts';
export { login, logout } from './login/command.ts';
export {
  type Columns,
  outputAliases,
  type OutputFlags,
  outputFlags,
  print,
  type PrintOptions,
} from './output/index.ts';
export { text } from './text.ts';
export { type Context, createContext, fail } from './context.ts';
