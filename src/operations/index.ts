export { apiVersions, requireAnyApiVersion, requireApiVersion } from './api-versions.ts';
export { type ArmId, armIdOf, armKey, formatId, parseArmId, segmentsOf } from './arm-id.ts';
export type { Check, Finding, Severity } from './check.ts';
export { commandLine } from './command-line.ts';
export {
  type Conditions,
  createManagementClient,
  idOf,
  type ManagementClient,
  type ManagementClientOptions,
  type Place,
  type WireContent,
  type WirePatch,
  type WireResource,
} from './client.ts';
export { ManagementClientError } from './client-error.ts';
export type { WireOperation } from './client-follow.ts';
export { bareEtag } from './etag.ts';
export { readInput, readPatch, readPut, requireUnchanged, type Written, type WrittenBody } from './content.ts';
export {
  type Actions,
  action,
  type ManagementAction,
  type NameRule,
  type Permissions,
  permissionOf,
  type PropertiesOf,
  type ProviderAction,
  providerAction,
  type ResourceType,
  resourceType,
  type ResourceTypeOptions,
  type TopLevel,
  type Verb,
  type WritingVerb,
} from './declare.ts';
export {
  createOperations,
  mostOfOneResource,
  type Operation,
  type OperationClaims,
  operationRetentionMs,
  type Operations,
  type OperationStatus,
  type Outcome,
  type Progress,
  type TakenOperation,
} from './long-running.ts';
export {
  type ErrorDetail,
  type ErrorEnvelope,
  errorEnvelope,
  type ManagementCode,
  ManagementError,
  type ManagementErrorOptions,
} from './management-error.ts';
export { guidOf } from './guid.ts';
export { invalidContent } from './invalid-content.ts';
export { type OpenApiInput, openApiDocument } from './open-api.ts';
export { groupScope, resourceGroup, subscriptionId, subscriptionScope } from './scopes.ts';
export { operationMigrations } from './tables.ts';
