import type { Digest } from '../oci/index.ts';
import { distributionOf, type OsRelease } from '../packages/index.ts';
import { type ImageComponent, imageComponent, isSystemType } from './image-component.ts';
import { supersededFiles } from './languages/index.ts';
import type { FoundFile, LayerInventory } from './layer-inventory.ts';
import { defaultImageLimits, type ImageLimits } from './limits.ts';
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

/** Layers that are put upon each other. What takes long yields where others may have a turn. */
export interface ImageMerge {
  /** The next layer, upon those before; nothing of it is kept but what it has. */
  add(layer: ImageLayer): Generator<void, void>;
  inventory(): Generator<void, ImageInventory>;
}

/**
 * The inventory of an image from those of its layers, the lowest first. The topmost version of each file counts, with what was
 * hidden left out, and so are warnings about what was. The same layers give the same inventory, to the byte.
 */
export function createImageMerge(some: Partial<ImageLimits> = {}): ImageMerge {
  const limits = { ...defaultImageLimits, ...some };
  const digests: Digest[] = [];
  const standing = new Map<string, Standing>();
  const warnings = new Set<LayerWarning>();
  const paths = createMarkedPaths<Standing | LayerWarning>(limits.places);
  const size = { packages: 0, owned: 0 };
  let isFull = false;
  let hasMore = false;

  function remove(one: Standing): void {
    if (standing.get(keyOf(one.file)) !== one) return;
    standing.delete(keyOf(one.file));
    size.packages -= one.file.packages.length;
    size.owned -= one.owned.size;
  }

  function warn(warning: Warning, layer: number): void {
    hasMore ||= warnings.size >= limits.warnings;
    if (hasMore) return;
    const one = { warning, layer };
    warnings.add(one);
    if (warning.path !== undefined) paths.add(warning.path, one);
  }

  function* place(file: FoundFile, layer: number, below: Standing | undefined): Generator<void, void> {
    const tooMany = ownedIn(file) > limits.owned - size.owned;
    const placed = yield* standingOf(file, layer, below, tooMany);
    if (size.packages + file.packages.length > limits.packages || !paths.add(file.path, placed)) {
      isFull = true;
      return;
    }
    isFull ||= tooMany;
    size.packages += file.packages.length;
    size.owned += placed.owned.size;
    standing.set(keyOf(file), placed);
  }

  return {
    *add({ digest, inventory }) {
      const layer = digests.push(digest) - 1;
      const below = new Map<string, Standing>();
      for (const one of yield* paths.hide(inventory.hides)) {
        if ('warning' in one) warnings.delete(one);
        else {
          below.set(keyOf(one.file), one);
          remove(one);
        }
      }
      const pace = createPace();
      for (const file of inventory.files) {
        if (pace(file.path.length / 4 + file.packages.length)) yield;
        const key = keyOf(file);
        const replaced = standing.get(key);
        if (replaced) remove(replaced);
        yield* place(file, layer, replaced ?? below.get(key));
      }
      for (const warning of inventory.warnings) warn(warning, layer);
    },
    *inventory() {
      const all = [...standing.values()];
      const os = operatingSystemOf(new Map(all.flatMap(({ file }) => (file.os ? [[file.path, file.os]] : []))));
      const { components, isCut } = fewVersions(yield* componentsOf(all, os, digests), limits.versions);
      const listed = [
        ...[...warnings].map(({ warning, layer }) => ({ ...warning, layer: digests[layer]! })),
        ...unknownDistribution(components, os),
        ...(isFull || isCut ? [{ code: 'too-many-findings' as const }] : []),
        ...(hasMore ? [{ code: 'more-warnings' as const }] : []),
      ];
      return { ...(os && { os }), components, warnings: listed, partial: listed.some(mayHidePackages) };
    },
  };
}

/** The same of layers that are all there. */
export function mergeLayers(layers: readonly ImageLayer[], limits: Partial<ImageLimits> = {}): ImageInventory {
  const merge = createImageMerge(limits);
  for (const layer of layers) wholeOf(merge.add(layer));
  return wholeOf(merge.inventory());
}

function wholeOf<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Whether it is time for others, after so much more work: some milliseconds lie between. */
function createPace(): (work: number) => boolean {
  let done = 0;
  return (work) => {
    done += work;
    if (done < 1000) return false;
    done = 0;
    return true;
  };
}

function keyOf({ path, reader }: FoundFile): string {
  return `${reader}\n${path}`;
}

/** A package that was there below, in the same version, came with whatever brought it there. */
function* standingOf(
  file: FoundFile,
  layer: number,
  below: Standing | undefined,
  isBare: boolean,
): Generator<void, Standing> {
  const origins = new Map<string, number>();
  for (const found of file.packages) {
    const identity = identityOf(found);
    origins.set(identity, below?.origins.get(identity) ?? layer);
  }
  return { file, layer, origins, owned: isBare ? new Map() : yield* ownershipOf(file, layer, below?.owned) };
}

const ownedIn = ({ owns = [] }: FoundFile): number => owns.reduce((sum, { paths }) => sum + paths.length, 0);

function identityOf({ type, namespace, name, version, arch, location }: FoundPackage): string {
  return [type, namespace, name, version, arch, location].join('\n');
}

function* componentsOf(
  all: readonly Standing[],
  os: OsRelease | undefined,
  digests: readonly Digest[],
): Generator<void, ImageComponent[]> {
  const superseded = supersededFiles(all.map(({ file }) => file));
  const isOwned = yield* ownedFiles(all.map(({ owned }) => owned));
  const components = new Map<string, ImageComponent>();
  const sorted = all.toSorted((a, b) => compare(a.file.path, b.file.path) || compare(a.file.reader, b.file.reader));
  const pace = createPace();
  for (const { file, layer, origins } of sorted) {
    if (superseded.has(file.path) || isOwned(file.path, layer)) continue;
    for (const found of file.packages) {
      if (pace(1)) yield;
      const layerIndex = origins.get(identityOf(found)) ?? layer;
      const place = { path: file.path, layerIndex, layer: digests[layerIndex]! };
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

/** So many versions of each package, the first in their order. */
function fewVersions(all: readonly ImageComponent[], most: number): { components: ImageComponent[]; isCut: boolean } {
  const versions = new Map<string, Set<string>>();
  const components = all.filter(({ ecosystem, release, name, version }) => {
    const key = `${ecosystem}\n${release}\n${name}`;
    let known = versions.get(key);
    if (!known) versions.set(key, (known = new Set()));
    if (ecosystem !== '' && known.size >= most && !known.has(version)) return false;
    known.add(version);
    return true;
  });
  return { components, isCut: components.length < all.length };
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
