export { anonymousCaller, type Authenticator, createAuthenticator, identifyPair } from './authenticate.ts';
export { type Caller, mayManage, principalOf } from './caller.ts';
export { hasCatalog, isAllowed, offersAnonymousPull, type Rights, rightsOf } from './rights.ts';
export { bootstrapConfig, tokensConfig } from './config.ts';
export {
  federatedCredentialType,
  identityType,
  identityTypes,
  roleAssignmentType,
  roleDefinitionType,
  scopeMapType,
  tokenType,
  trustedIssuerType,
} from './contract.ts';
export { credentialActions } from './handle-credentials.ts';
export { federatedCredentialHandlers, identityHandlers, trustedIssuerHandlers } from './handle-identities.ts';
export { roleAssignmentHandlers, roleDefinitionHandlers } from './handle-roles.ts';
export { dropPasswords, scopeMapHandlers, tokenHandlers } from './handle-tokens.ts';
export { challengeOf, detailOf, type Wanted } from './challenge.ts';
export { type Asked, type Gate, type GatedExchange, type Needs, passGates } from './needs.ts';
export { type Directory, type DirectorySource } from './directory.ts';
export { type Door, doorAt, type Identification, identifyToken, nullUser, type TokenDoor } from './identify.ts';
export { explainHandlers, explainManagementAccess, reportOn, testToken, type TokenReport } from './insight/index.ts';
export { accessChecks, bootstrapChecks, takeSnapshot } from './checks/index.ts';
export { createPasswords, type Passwords } from './passwords.ts';
export { createRightUses, type RightUses } from './right-uses.ts';
export { adminDisabled } from './identify-password.ts';
export { type Identified, type Refusal, refusalError } from './refusal.ts';
export { readDirectory } from './read-directory.ts';
export { standingOf } from './standing.ts';
export {
  createFederation,
  type IssuerDefaults,
  issuerDefaults,
  type PresetName,
  presetNames,
  presetOf,
} from './federation/index.ts';
export { identityMigrations } from './tables.ts';
export { type AskedScopes, managementScope, readScopes } from './asked-scopes.ts';
export { issueScanToken } from './issue-scan-token.ts';
export { issueAccessToken, issueRefreshToken, type TokenLifetimes } from './issue-token.ts';
