/* What locks allow, said once more and without a database: a repository as its clients know it. */

export const abilityNames = ['writeEnabled', 'deleteEnabled', 'listEnabled', 'readEnabled'] as const;
type AbilityName = (typeof abilityNames)[number];

/** `repository`, `tag:NAME` or `manifest:N`. */
export type Key = string;

interface Lock {
  no: Set<AbilityName>;
  until: number;
}

export interface Model {
  exists: boolean;
  /** By the number of the manifest; the blob of each is linked beside it, also after it is gone. */
  manifests: Set<number>;
  links: Set<number>;
  tags: Map<string, number>;
  locks: Map<Key, Lock>;
}

export const emptyModel = (): Model => ({
  exists: false,
  manifests: new Set(),
  links: new Set(),
  tags: new Map(),
  locks: new Map(),
});

export type Outcome = 'done' | 'disallowed' | 'unknown' | 'denied';

export function isLocked(model: Model, key: Key, ability: AbilityName, now: number): boolean {
  const lock = model.locks.get(key);
  return lock !== undefined && lock.until > now && lock.no.has(ability);
}

const isKept = (model: Model, key: Key, now: number) =>
  isLocked(model, key, 'writeEnabled', now) || isLocked(model, key, 'deleteEnabled', now);

export const keepsWhole = (model: Model, now: number) => isKept(model, 'repository', now);

export function keepsManifest(model: Model, manifest: number, now: number): boolean {
  return (
    keepsWhole(model, now) ||
    isKept(model, `manifest:${manifest}`, now) ||
    tagsOf(model, manifest).some((tag) => isKept(model, `tag:${tag}`, now))
  );
}

const tagsOf = (model: Model, manifest: number) =>
  [...model.tags].filter(([, named]) => named === manifest).map(([tag]) => tag);

export function push(model: Model, manifest: number, tags: readonly string[], now: number): Outcome {
  if (isLocked(model, 'repository', 'writeEnabled', now)) return 'disallowed';
  model.exists = true;
  // Its blob comes first, and stays though the manifest is refused.
  model.links.add(manifest);
  for (const tag of tags) {
    const named = model.tags.get(tag);
    if (named !== undefined && named !== manifest && isLocked(model, `tag:${tag}`, 'writeEnabled', now))
      return 'disallowed';
  }
  model.manifests.add(manifest);
  for (const tag of tags) model.tags.set(tag, manifest);
  return 'done';
}

export function mount(model: Model, blob: number, now: number): Outcome {
  if (isLocked(model, 'repository', 'writeEnabled', now)) return 'disallowed';
  model.exists = true;
  model.links.add(blob);
  return 'done';
}

export function deleteTag(model: Model, tag: string, now: number): Outcome {
  if (!model.exists) return 'unknown';
  if (keepsWhole(model, now)) return 'disallowed';
  if (!model.tags.has(tag)) return 'unknown';
  if (isKept(model, `tag:${tag}`, now)) return 'disallowed';
  forgetTag(model, tag);
  return 'done';
}

export function deleteManifest(model: Model, manifest: number, now: number): Outcome {
  if (!model.exists) return 'unknown';
  if (keepsWhole(model, now)) return 'disallowed';
  if (!model.manifests.has(manifest)) return 'unknown';
  if (keepsManifest(model, manifest, now)) return 'disallowed';
  forgetManifest(model, manifest);
  return 'done';
}

export function deleteBlob(model: Model, blob: number, now: number): Outcome {
  if (!model.exists) return 'unknown';
  if (keepsWhole(model, now)) return 'disallowed';
  if (!model.links.has(blob)) return 'unknown';
  if (model.manifests.has(blob)) return 'denied';
  model.links.delete(blob);
  return 'done';
}

export function deleteRepository(model: Model, now: number): Outcome {
  if (!model.exists) return 'unknown';
  if ([...model.locks.keys()].some((key) => isKept(model, key, now))) return 'disallowed';
  Object.assign(model, emptyModel());
  return 'done';
}

export interface Change {
  set: Partial<Record<AbilityName, boolean>>;
  until: number;
}

export function change(model: Model, key: Key, { set, until }: Change, now: number): Outcome {
  if (!model.exists) return 'unknown';
  const [kind, name] = key.split(':') as [string, string | undefined];
  if (kind !== 'repository') {
    if (isLocked(model, 'repository', 'writeEnabled', now)) return 'disallowed';
    if (kind === 'tag' ? !model.tags.has(name!) : !model.manifests.has(Number(name))) return 'unknown';
  }
  const no = new Set(abilityNames.filter((ability) => isLocked(model, key, ability, now)));
  for (const ability of abilityNames) {
    if (set[ability] === false) no.add(ability);
    if (set[ability] === true) no.delete(ability);
  }
  if (no.size === 0) model.locks.delete(key);
  else model.locks.set(key, { no, until });
  return 'done';
}

/** `tag:NAME` or `manifest:N`. */
export function pull(model: Model, key: Key, now: number): Outcome {
  const [kind, name] = key.split(':') as [string, string];
  const manifest = kind === 'tag' ? model.tags.get(name) : Number(name);
  if (manifest === undefined || !model.manifests.has(manifest)) return 'unknown';
  const keys = ['repository', key, `manifest:${manifest}`];
  return keys.some((one) => isLocked(model, one, 'readEnabled', now)) ? 'disallowed' : 'done';
}

export function pullBlob(model: Model, blob: number, now: number): Outcome {
  if (!model.links.has(blob)) return 'unknown';
  return isLocked(model, 'repository', 'readEnabled', now) ? 'disallowed' : 'done';
}

export interface Shown {
  listed: boolean;
  tags: string[];
  manifests: number[];
}

export function shown(model: Model, now: number): Shown {
  const isListed = (key: Key) => !isLocked(model, key, 'listEnabled', now);
  return {
    listed: model.manifests.size > 0 && isListed('repository'),
    tags: [...model.tags.keys()].filter((tag) => isListed(`tag:${tag}`)).toSorted(),
    manifests: [...model.manifests].filter((manifest) => isListed(`manifest:${manifest}`)).toSorted(),
  };
}

function forgetTag(model: Model, tag: string): void {
  model.tags.delete(tag);
  model.locks.delete(`tag:${tag}`);
}

export function forgetManifest(model: Model, manifest: number): void {
  for (const tag of tagsOf(model, manifest)) forgetTag(model, tag);
  model.manifests.delete(manifest);
  model.locks.delete(`manifest:${manifest}`);
}
