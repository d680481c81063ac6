export { argumentsOf } from './called-as.ts';
export { createApplication, runCommand } from './application.ts';
export { certRoutes } from './cert.ts';
export { exitCodes, notFound, UsageError } from './failure.ts';
export { login, logout } from './login/command.ts';
export { dockerCredential } from './credentials/command.ts';
export { kubeletCredentialProvider } from './kubelet/command.ts';
export { manageAliases, manageRoutes } from './manage/index.ts';
export {
  type Columns,
  outputAliases,
  type OutputFlags,
  outputFlags,
  print,
  type PrintOptions,
} from './output/index.ts';
export { type Context, createContext, fail } from './context.ts';
