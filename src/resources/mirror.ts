import { createIndex } from './mirror-index.ts';
import type { Resource } from './resource.ts';
import { largestPage, type Resources } from './resources.ts';

/** How often a process should call `refresh` (ms), so that it knows within a second what others wrote. */
export const mirrorIntervalMs = 500;

/** What differs from before; of a deleted one what it was last. */
export interface MirrorChange {
  resource: Resource;
  deleted: boolean;
}

/** Resources of some types in the memory of this process. */
export interface Mirror {
  get(id: string): Resource | undefined;
  /** By key; of one parent (an id) where it is given. The list is shared: it is not to be changed. */
  list(type: string, parent?: string): readonly Resource[];
  /**
   * Reads what changed: one statement where nothing did. Whoever wrote calls it before answering; all that was
   * committed before the call is in the mirror when it resolves. True where something of the types changed.
   */
  refresh(): Promise<boolean>;
  /** Tells of changes once they are in the mirror; an empty list after all was read anew. Returns what ends it. */
  onChange(listener: (changes: readonly MirrorChange[]) => void): () => void;
  /** The latest stamp that is in it. */
  stamp(): number;
}

const changesAtOnce = 500;

/** Loads all resources of `types`. Two mirrors with the same stamp hold the same. */
export async function createMirror(resources: Resources, types: readonly string[]): Promise<Mirror> {
  const wanted = new Set(types.map((type) => type.toLowerCase()));
  const listeners = new Set<(changes: readonly MirrorChange[]) => void>();
  let held = createIndex();
  let stamp = 0;
  /** What is in it and nobody was told of yet; undefined: all of it. */
  let untold: MirrorChange[] | undefined = [];
  /** Whether something has changed that no call of `refresh` has resolved with. */
  let changed = false;
  let running: Promise<boolean> | undefined;
  let next: Promise<boolean> | undefined;

  async function load(): Promise<void> {
    // What changes while it is read has a later stamp, and is read again as a change.
    const { value } = await resources.clock();
    const loaded = createIndex();
    for (const type of wanted) {
      for (let after: string | undefined = ''; after !== undefined;) {
        const page = await resources.list({ type, after, limit: largestPage });
        for (const resource of page.resources) loaded.set(resource);
        after = page.after;
      }
    }
    held = loaded;
    stamp = value;
    untold = undefined;
  }

  async function read(): Promise<boolean> {
    try {
      const clock = await resources.clock();
      const isCurrent = clock.value === stamp;
      // A restored backup, or a process that stood still for longer than deletions are remembered.
      if (clock.value < stamp || clock.trimmed > stamp) await load();
      if (!isCurrent) await follow();
    } finally {
      // Also where the database went away in the middle of it: nobody would be told of what is in it already.
      changed = tell() || changed;
    }
    const outcome = changed;
    changed = false;
    return outcome;
  }

  function tell(): boolean {
    if (untold?.length === 0) return false;
    for (const listener of listeners) listener(untold ?? []);
    untold = [];
    return true;
  }

  async function follow(): Promise<void> {
    for (;;) {
      const changes = await resources.changesSince(stamp, changesAtOnce);
      for (const { resource, deleted } of changes) {
        if (!wanted.has(resource.type.toLowerCase())) continue;
        if (deleted) held.delete(resource);
        else held.set(resource);
        untold?.push({ resource, deleted });
      }
      stamp = changes.at(-1)?.stamp ?? stamp;
      if (changes.length < changesAtOnce) return;
    }
  }

  function refresh(): Promise<boolean> {
    if (!running) return start();
    // The one under way may have looked before the caller wrote.
    return (next ??= running
      .catch(() => false)
      .then(() => {
        next = undefined;
        return start();
      }));
  }

  function start(): Promise<boolean> {
    const round = read().finally(() => {
      if (running === round) running = undefined;
    });
    return (running = round);
  }

  await load();
  await follow();
  untold = [];
  return {
    get: (id) => held.get(id),
    list: (type, parent) => held.list(type, parent),
    refresh,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stamp: () => stamp,
  };
}
