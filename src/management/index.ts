export type { ManagementOptions } from './edge.ts';
export type { Exchange } from './exchange.ts';
export type {
  HookContext,
  LongAction,
  ResourceHandlers,
  ServedProviderAction,
  ServedType,
  Task,
  WriteHookContext,
} from './handlers.ts';
export { createManagement, type Management } from './management.ts';
export { isManagementPath } from './match.ts';
