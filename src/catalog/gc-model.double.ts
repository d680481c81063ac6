import { leaseSlack } from './candidates.ts';
import { contents, places, variants } from './gc-universe.double.ts';

export const delay = 86_400_000;
/** How long what is deleted is kept. */
export const retention = 3 * delay;
const slack = leaseSlack(delay);

/** When something stops being kept: not before `min`, and from `max` on it is garbage if nothing else holds it. */
interface Kept {
  min: number;
  max: number;
}

export interface Shelf {
  links: Map<number, Kept>;
  /** `released`: it lost its subject, a tag or an index since it was pushed. */
  manifests: Map<number, Kept & { released: boolean }>;
  tags: Map<string, number>;
  /** Deleted manifests that are kept, and since when; undefined where what is deleted is gone. */
  kept: Map<number, number> | undefined;
}

/** What must be true of every repository, by what its clients were told. */
export type Model = Shelf[];

export function emptyModel(keeps: boolean): Model {
  return places.map(() => ({
    links: new Map(),
    manifests: new Map(),
    tags: new Map(),
    kept: keeps ? new Map() : undefined,
  }));
}

const fresh = (now: number): Kept => ({ min: now + delay, max: now + delay });

/** A client was told that it exists; a HEAD of what was kept a moment ago writes nothing, so it promises a bit less. */
function tell(kept: Kept, now: number): void {
  kept.min = Math.max(kept.min, now + delay - slack);
  kept.max = Math.max(kept.max, now + delay);
}

const holdsBlob = (shelf: Shelf, blob: number) =>
  [...shelf.manifests.keys(), ...(shelf.kept?.keys() ?? [])].some((at) => variants[at]!.blobs.includes(blob));
const isListed = (shelf: Shelf, at: number) =>
  [...shelf.manifests.keys()].some((other) => variants[other]!.children.includes(at));

function release(shelf: Shelf, at: number, now: number): void {
  const manifest = shelf.manifests.get(at);
  if (manifest && variants[at]!.subject !== undefined) Object.assign(manifest, fresh(now), { released: true });
}

export function pushBlob(model: Model, place: number, blob: number, now: number): string {
  model[place]!.links.set(blob, fresh(now));
  return 'done';
}

/** `from` names a repository of the same registry, whatever there is in another one. */
export function mount(model: Model, place: number, from: string | undefined, blob: number, now: number): string {
  const { registry } = places[place]!;
  const found = places.some(
    (at, source) => at.registry === registry && (from ?? at.name) === at.name && model[source]!.links.has(blob),
  );
  return found ? pushBlob(model, place, blob, now) : 'nothing to mount';
}

export function headBlob(model: Model, place: number, blob: number, now: number): string {
  const link = model[place]!.links.get(blob);
  if (!link) return 'unknown';
  tell(link, now);
  return 'done';
}

export function headManifest(model: Model, place: number, at: number, now: number): string {
  const manifest = model[place]!.manifests.get(at);
  if (!manifest) return 'unknown';
  tell(manifest, now);
  return 'done';
}

export function putManifest(model: Model, place: number, at: number, tags: string[], now: number): string {
  const shelf = model[place]!;
  const { children, required } = variants[at]!;
  const missing = [
    ...required.filter((blob) => !shelf.links.has(blob)).map((blob) => contents[blob]!.digest),
    ...children.filter((child) => !shelf.manifests.has(child)).map((child) => variants[child]!.digest),
  ];
  if (missing.length > 0) return `MANIFEST_BLOB_UNKNOWN ${missing.toSorted().join()}`;
  shelf.manifests.set(at, { ...fresh(now), released: false });
  shelf.kept?.delete(at);
  for (const tag of tags) {
    const before = shelf.tags.get(tag);
    shelf.tags.set(tag, at);
    if (before !== undefined && before !== at) release(shelf, before, now);
  }
  return 'done';
}

export function deleteTag(model: Model, place: number, tag: string, now: number): string {
  const shelf = model[place]!;
  const at = shelf.tags.get(tag);
  if (at === undefined) return 'MANIFEST_UNKNOWN';
  shelf.tags.delete(tag);
  release(shelf, at, now);
  return 'done';
}

export function deleteManifest(model: Model, place: number, at: number, now: number): string {
  const shelf = model[place]!;
  if (!shelf.manifests.has(at)) return 'MANIFEST_UNKNOWN';
  if (isListed(shelf, at)) return 'DENIED';
  removeManifest(shelf, at, now);
  return 'done';
}

export function removeManifest(shelf: Shelf, at: number, now: number): void {
  shelf.manifests.delete(at);
  for (const [tag, target] of shelf.tags) if (target === at) shelf.tags.delete(tag);
  if (shelf.kept) shelf.kept.set(at, now);
  else releaseBlobs(shelf, at, now);
  for (const other of shelf.manifests.keys()) {
    if (variants[other]!.subject === at || variants[at]!.children.includes(other)) release(shelf, other, now);
  }
}

function releaseBlobs(shelf: Shelf, at: number, now: number): void {
  for (const blob of variants[at]!.blobs) if (shelf.links.has(blob)) shelf.links.set(blob, fresh(now));
}

/** What a restore brings back, what is listed first; what it lacks, where it lacks anything. */
export function planRestore({ kept, manifests }: Shelf, at: number): { plan: number[]; missing: number[] } {
  const plan: number[] = [];
  const missing: number[] = [];
  const visit = (one: number): void => {
    if (plan.includes(one)) return;
    if (!kept?.has(one)) return void missing.push(one);
    for (const child of variants[one]!.children) if (!manifests.has(child)) visit(child);
    plan.push(one);
  };
  visit(at);
  return { plan, missing };
}

/** `steps`: how much of it happens before a crash. */
export function restore(
  model: Model,
  place: number,
  at: number,
  { tag, force }: { tag: string | undefined; force: boolean },
  now: number,
  steps = Number.POSITIVE_INFINITY,
): string {
  const shelf = model[place]!;
  if (!shelf.kept?.has(at)) return 'MANIFEST_UNKNOWN';
  const { plan, missing } = planRestore(shelf, at);
  if (missing.length > 0) {
    const digests = missing.map((one) => variants[one]!.digest);
    return `MANIFEST_BLOB_UNKNOWN ${digests.toSorted().join()}`;
  }
  const named = tag === undefined ? undefined : shelf.tags.get(tag);
  if (named !== undefined && named !== at && !force) return 'CONFLICT';
  for (const one of plan.slice(0, steps))
    putManifest(model, place, one, one === at && tag !== undefined ? [tag] : [], now);
  return 'done';
}

export function purge(model: Model, place: number, at: number, now: number): string {
  const shelf = model[place]!;
  if (!shelf.kept?.delete(at)) return 'MANIFEST_UNKNOWN';
  releaseBlobs(shelf, at, now);
  return 'done';
}

export function deleteBlob(model: Model, place: number, blob: number): string {
  const shelf = model[place]!;
  if (!shelf.links.has(blob)) return 'BLOB_UNKNOWN';
  if (holdsBlob(shelf, blob)) return 'DENIED';
  shelf.links.delete(blob);
  return 'done';
}

/** What the collector may remove now (`min`), or must have removed when it is done (`max`). */
export function garbage(shelf: Shelf, bound: 'min' | 'max', now: number): { links: number[]; manifests: number[] } {
  const links = [...shelf.links].filter(([blob, kept]) => kept[bound] <= now && !holdsBlob(shelf, blob));
  const manifests = [...shelf.manifests].filter(
    ([at, kept]) =>
      kept.released &&
      kept[bound] <= now &&
      !shelf.manifests.has(variants[at]!.subject!) &&
      !isListed(shelf, at) &&
      ![...shelf.tags.values()].includes(at),
  );
  return { links: links.map(([blob]) => blob), manifests: manifests.map(([at]) => at) };
}

/** After a crash it is open which of two states holds: the weaker promise of both. */
export function weaker(before: Model, after: Model): Model {
  const merged = structuredClone(after);
  for (const [place, shelf] of merged.entries()) {
    for (const kind of ['links', 'manifests'] as const) {
      for (const [at, kept] of shelf[kind]) {
        const other = before[place]![kind].get(at)!;
        kept.min = Math.min(kept.min, other.min);
        kept.max = Math.max(kept.max, other.max);
      }
    }
  }
  return merged;
}

/** What is there, for comparison: names only. `kept`: with what is kept of what was deleted. */
export function inventory(model: Model, { kept = true } = {}): string[] {
  return model
    .flatMap((shelf, place) => [
      ...(kept ? [...(shelf.kept?.keys() ?? [])].map((at) => `${place} kept ${at}`) : []),
      ...[...shelf.links.keys()].map((blob) => `${place} blob ${blob}`),
      ...[...shelf.manifests.keys()].map((at) => `${place} manifest ${at}`),
      ...[...shelf.tags].map(([tag, at]) => `${place} tag ${tag} ${at}`),
    ])
    .toSorted();
}
