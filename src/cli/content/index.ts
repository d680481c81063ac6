export {
  type AttributeChange,
  deletedRepository,
  manifestAttributes,
  type ManifestAttributes,
  repositoryAttributes,
  tagAttributes,
} from './answers.ts';
export { type ContentClient } from './client.ts';
export { type ContentConnection, connectContent, registryPlace } from './connect.ts';
export { type Image, imageOf, repositoryOf } from './image.ts';
export { catalogScope, deletedCatalogScope, repositoryScope } from './scope.ts';
export { digestOfBytes, pullBlob, pushBlob, pushManifest } from './transfer.ts';
