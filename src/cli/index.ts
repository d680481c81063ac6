export { argumentsOf } from './called-as.ts';
export { createApplication, runCommand } from './application.ts';
export { certRoutes } from './cert.ts';
export { login, logout } from './login/command.ts';
export { dockerCredential } from './credentials/command.ts';
export { kubeletCredentialProvider } from './kubelet/command.ts';
export { manageAliases, manageRoutes } from './manage/index.ts';
export { type Context, createContext, fail } from './context.ts';
export { describe } from './describe.ts';
