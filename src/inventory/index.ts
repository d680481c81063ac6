export { cycloneDxMediaType, toCycloneDx } from './cyclonedx.ts';
export type { ImageComponent } from './image-component.ts';
export { extractorRevision, type FoundFile, type LayerInventory, unreadLayer } from './layer-inventory.ts';
export type { LayerLimits, ProcessLimits } from './limits.ts';
export {
  createImageMerge,
  type ImageInventory,
  type ImageLayer,
  type ImageWarning,
  mergeLayers,
} from './merge-layers.ts';
export { readLayer, type ReadLayerOptions } from './read-layer.ts';
export type { FoundPackage, OsRelease, PackageType } from './reader.ts';
export type { Warning, WarningCode } from './warnings.ts';
export { createLayerReaders, type LayerReaders } from './process/layer-readers.ts';
export { frameOf, inventoryCommand } from './process/protocol.ts';
export type { Extraction, LayerBytes } from './process/reader-process.ts';
export { runInventory } from './process/run-inventory.ts';
