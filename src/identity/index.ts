export { anonymousCaller, type Authenticator, createAuthenticator, identifyPair } from './authenticate.ts';
export { type Caller, isAllowed, mayManage, offersAnonymousPull, principalOf, readPermissions, seesAny } from './caller.ts';
export { challengeOf, detailOf, type Wanted } from './challenge.ts';
export { createDirectory, type Directory, type DirectorySource } from './directory.ts';
export { type Door, type Identification, identifyToken, nullUser, operatorId } from './identify.ts';
export { createPasswords, type Passwords } from './passwords.ts';
export type { Identified, Refusal } from './refusal.ts';
export { identityMigrations } from './tables.ts';
export { issueAccessToken, issueRefreshToken, managementScope, type TokenLifetimes } from './token-service.ts';
