export { cycloneDxMediaType, toCycloneDx } from './cyclonedx.ts';
export type { ImageComponent } from './image-component.ts';
export { extractorRevision, type FoundFile, type LayerInventory, unreadLayer } from './layer-inventory.ts';
export { defaultLayerLimits, defaultProcessLimits, type LayerLimits, type ProcessLimits } from './limits.ts';
export { type ImageInventory, type ImageLayer, type ImageWarning, mergeLayers } from './merge-layers.ts';
export { readLayer, type ReadLayerOptions } from './read-layer.ts';
export type { FoundPackage, OsRelease, PackageType } from './reader.ts';
export { mayHidePackages, type Warning, type WarningCode } from './warnings.ts';
