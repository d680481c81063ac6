export { argumentsOf } from './called-as.ts';
export { certRoutes } from './cert.ts';
export { login, logout } from './login/command.ts';
export { dockerCredential } from './credentials/command.ts';
export { kubeletCredentialProvider } from './kubelet/command.ts';
export { text } from './text.ts';
export { type Context, createContext, fail } from './context.ts';
