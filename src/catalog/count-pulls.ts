import { LRUCache } from 'lru-cache';
import type { Catalog } from './context.ts';
import { addPulls, inLockOrder, type PulledReference } from './pulls.ts';
import { addRegionPulls, dayOf, type RegionPulls } from './region-pulls.ts';

/** Who pulls, from which registry. */
interface Puller {
  readonly registryId: number;
  address(): string;
}

/** Pulls as this process has seen them since they were written last. */
export interface PullCounter {
  /** That a manifest was given to a client, which asked for it by `tag` or by its digest. Writes nothing. */
  pulled(puller: Puller, repositoryId: number, digest: string, tag: string | undefined): void;
  /** That a client was told what a tag names. It counts as a pull by that tag once the client asks for the digest. */
  resolved(puller: Puller, repositoryId: number, digest: string, tag: string): void;
  /** Writes down what was counted. When it fails, what is not written is tried again the next time. */
  write(): Promise<void>;
}

/** Distinct references between two writes; what else is pulled meanwhile is not counted. */
const mostPending = 16_384;
/** Tags that somebody was told of and may pull yet, and for how long (ms). */
const mostResolved = 4096;
const resolvedMs = 60_000;

interface Counted {
  pulls: number;
  lastPullAt: number;
}

interface OfRepository {
  registryId: number;
  references: Map<string, Counted>;
}

/** Counts pulls in memory. `regionOf`: where clients with an address are; nothing is counted by region without it. */
export function createPullCounter(catalog: Catalog, regionOf?: (address: string) => string | undefined): PullCounter {
  const { now } = catalog;
  let repositories = new Map<number, OfRepository>();
  let pending = 0;
  let regions = new Map<string, RegionPulls>();
  const told = new LRUCache<string, { repositoryId: number; tag: string; at: number }>({ max: mostResolved });

  function count(registryId: number, repositoryId: number, reference: string, pulls: number, at: number): void {
    let of = repositories.get(repositoryId);
    const known = of?.references.get(reference);
    if (known) {
      known.pulls += pulls;
      known.lastPullAt = Math.max(known.lastPullAt, at);
      return;
    }
    if (pending >= mostPending) return;
    pending++;
    if (!of) repositories.set(repositoryId, (of = { registryId, references: new Map() }));
    of.references.set(reference, { pulls, lastPullAt: at });
  }

  function countRegion(region: string, registryId: number, day: number, pulls: number): void {
    const key = `${day}/${registryId}/${region}`;
    const known = regions.get(key);
    if (known) known.pulls += pulls;
    else if (regions.size < mostPending) regions.set(key, { registryId, region, day, pulls });
  }

  /** The tag that a client was told to have this digest, a moment ago. */
  function askedBy(puller: Puller, repositoryId: number, digest: string, at: number): string | undefined {
    if (told.size === 0) return undefined;
    const key = keyOf(puller, digest);
    const found = told.get(key);
    if (!found || found.repositoryId !== repositoryId) return undefined;
    told.delete(key);
    return at - found.at <= resolvedMs ? found.tag : undefined;
  }

  function take(): PulledReference[] {
    const taken = [...repositories].flatMap(([repositoryId, { registryId, references }]) =>
      [...references].map(([reference, counted]) => ({ registryId, repositoryId, reference, ...counted })),
    );
    repositories = new Map();
    pending = 0;
    return taken.toSorted(inLockOrder);
  }

  return {
    pulled(puller, repositoryId, digest, tag) {
      const at = now();
      const { registryId } = puller;
      count(registryId, repositoryId, digest, 1, at);
      const by = tag ?? askedBy(puller, repositoryId, digest, at);
      if (by !== undefined) count(registryId, repositoryId, by, 1, at);
      const region = regionOf?.(puller.address());
      if (region !== undefined) countRegion(region, registryId, dayOf(at), 1);
    },
    resolved(puller, repositoryId, digest, tag) {
      told.set(keyOf(puller, digest), { repositoryId, tag, at: now() });
    },
    async write() {
      const pulled = take();
      let written = 0;
      try {
        await addPulls(catalog, pulled, (some) => void (written += some));
      } catch (error) {
        for (const { registryId, repositoryId, reference, pulls, lastPullAt } of pulled.slice(written)) {
          count(registryId, repositoryId, reference, pulls, lastPullAt);
        }
        throw error;
      }
      if (regions.size === 0) return;
      const some = regions;
      regions = new Map();
      try {
        await addRegionPulls(catalog, [...some.values()]);
      } catch (error) {
        for (const { region, registryId, day, pulls } of some.values()) countRegion(region, registryId, day, pulls);
        throw error;
      }
    },
  };
}

const keyOf = (puller: Puller, digest: string): string => `${puller.address()} ${digest}`;
