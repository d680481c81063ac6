export { builtInResource } from './built-in.ts';
export { createMirror, type Mirror, type MirrorChange, mirrorIntervalMs } from './mirror.ts';
export type { Resource, ResourceBody } from './resource.ts';
export {
  type Change,
  createResources,
  type ListQuery,
  type Page,
  resourceNotFound,
  type Resources,
} from './resources.ts';
export { resourceMigrations } from './tables.ts';
export type { ChangeOptions, DeleteOptions, Preconditions, Put, PutOptions } from './write.ts';
