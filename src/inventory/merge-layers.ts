import type { Digest } from '../oci/index.ts';
import { distributionOf, type OsRelease } from '../packages/index.ts';
import { type ImageComponent, imageComponent, isSystemType } from './image-component.ts';
import { supersededFiles } from './languages/index.ts';
import type { FoundFile, LayerInventory } from './layer-inventory.ts';
import { operatingSystemOf } from './operating-system.ts';
import { ownedFiles, type Ownership, ownershipOf } from './owned-files.ts';
import { createMarkedPaths } from './path-marks.ts';
import type { FoundPackage } from './reader.ts';
import { mayHidePackages, type Warning } from './warnings.ts';

export interface ImageLayer {
  digest: Digest;
  inventory: LayerInventory;
}

/** A warning of a layer; one of the image as a whole has none. */
export interface ImageWarning extends Warning {
  layer?: Digest;
}

/** What is in an image once all its layers lie upon each other. */
export interface ImageInventory {
  os?: OsRelease;
  /** In order of type, name, version and path. */
  components: ImageComponent[];
  warnings: ImageWarning[];
  /** Something could not be read that may have packages in it. */
  partial: boolean;
}

/** A file of the layers so far, with the layer in which each of its packages came. */
interface Standing {
  file: FoundFile;
  layer: number;
  origins: Map<string, number>;
  owned: Ownership;
}

interface LayerWarning {
  warning: Warning;
  layer: number;
}

/**
 * The inventory of an image from those of its layers, the lowest first. The topmost version of each file counts, with what was
 * hidden left out, and so are warnings about what was. The same layers give the same inventory, to the byte.
 */
export function mergeLayers(layers: readonly ImageLayer[]): ImageInventory {
  const standing = new Map<string, Standing>();
  const warnings = new Set<LayerWarning>();
  const paths = createMarkedPaths<Standing | LayerWarning>();
  for (const [layer, { inventory }] of layers.entries()) {
    const hidden = paths.hide(inventory.hides);
    const below = new Map<string, Standing>();
    for (const one of hidden) {
      if ('warning' in one) warnings.delete(one);
      else {
        below.set(keyOf(one.file), one);
        if (standing.get(keyOf(one.file)) === one) standing.delete(keyOf(one.file));
      }
    }
    for (const file of inventory.files) {
      const key = keyOf(file);
      const placed = standingOf(file, layer, standing.get(key) ?? below.get(key));
      standing.set(key, placed);
      paths.add(file.path, placed);
    }
    for (const warning of inventory.warnings) {
      const one = { warning, layer };
      warnings.add(one);
      if (warning.path !== undefined) paths.add(warning.path, one);
    }
  }
  const all = [...standing.values()];
  const os = operatingSystemOf(new Map(all.flatMap(({ file }) => (file.os ? [[file.path, file.os]] : []))));
  const components = componentsOf(all, os, layers);
  const listed = [
    ...[...warnings].map(({ warning, layer }) => ({ ...warning, layer: layers[layer]!.digest })),
    ...unknownDistribution(components, os),
  ];
  return { ...(os && { os }), components, warnings: listed, partial: listed.some(mayHidePackages) };
}

function keyOf({ path, reader }: FoundFile): string {
  return `${reader}\n${path}`;
}

/** A package that was there below, in the same version, came with whatever brought it there. */
function standingOf(file: FoundFile, layer: number, below: Standing | undefined): Standing {
  const origins = new Map<string, number>();
  for (const found of file.packages) {
    const identity = identityOf(found);
    origins.set(identity, below?.origins.get(identity) ?? layer);
  }
  return { file, layer, origins, owned: ownershipOf(file, layer, below?.owned) };
}

function identityOf({ type, namespace, name, version, arch, location }: FoundPackage): string {
  return [type, namespace, name, version, arch, location].join('\n');
}

function componentsOf(
  all: readonly Standing[],
  os: OsRelease | undefined,
  layers: readonly ImageLayer[],
): ImageComponent[] {
  const superseded = supersededFiles(all.map(({ file }) => file));
  const isOwned = ownedFiles(all.map(({ owned }) => owned));
  const components = new Map<string, ImageComponent>();
  const sorted = all.toSorted((a, b) => compare(a.file.path, b.file.path) || compare(a.file.reader, b.file.reader));
  for (const { file, layer, origins } of sorted) {
    if (superseded.has(file.path) || isOwned(file.path, layer)) continue;
    for (const found of file.packages) {
      const layerIndex = origins.get(identityOf(found)) ?? layer;
      const place = { path: file.path, layerIndex, layer: layers[layerIndex]!.digest };
      const component = imageComponent(found, os, place);
      // A package of a distribution is installed once, however many databases say so.
      const key = isSystemType(found.type) ? component.purl : `${component.purl}\n${component.path}`;
      if (!components.has(key)) components.set(key, component);
    }
  }
  return [...components.values()].toSorted(
    (a, b) =>
      compare(a.type, b.type) ||
      compare(a.installedName, b.installedName) ||
      compare(a.installedVersion, b.installedVersion) ||
      compare(a.path, b.path) ||
      compare(a.purl, b.purl),
  );
}

/** Packages of a distribution whose advisories nobody knows are packages of which nothing is said. */
function unknownDistribution(components: readonly ImageComponent[], os: OsRelease | undefined): ImageWarning[] {
  if (os && distributionOf(os)) return [];
  if (!components.some(({ type }) => isSystemType(type))) return [];
  const name = os?.prettyName ?? (os ? `${os.id} ${os.versionId ?? ''}`.trim() : 'the image does not say which');
  return [{ code: 'unknown-distribution', detail: name }];
}

/** By code units: the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
