export { importConfig } from './config.ts';
export { parseSourceImage } from './image-name.ts';
export { createImporting } from './import.ts';
export { layersOf, openArtifact } from './open-artifact.ts';
