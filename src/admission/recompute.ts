import { hasManifest, isNamed, pullsOf, readManifest, repositoryIds, repositoryOfId } from '../catalog/index.ts';
import { consumeEvents, type Event } from '../events/index.ts';
import { type Digest, parseDigest } from '../oci/index.ts';
import { childrenOf } from './facts.ts';
import { forgetEvidence } from './evidence-store.ts';
import {
  dueVerdicts,
  followedRegistries,
  hasRecords,
  progressOf,
  releaseImage,
  type RuleProgress,
  saveProgress,
  setDue,
  verdictsAfter,
} from './due-store.ts';
import { decideLater, forgetImage, type ImagePlace, markHeld, outdate, partsOf, placesOf } from './verdict-store.ts';
import { placeOf, type VerdictOptions, type Verdicts } from './verdicts.ts';

/** Verdicts that are made anew in a round, and events that are looked at. */
const verdictsAtOnce = 100;
const eventsAtOnce = 1000;
/** Verdicts that are made at a time: together they wait for the disk, or for PostgreSQL, once. */
const verdictsTogether = 8;
/** Verdicts of a registry that are looked through in a round, after its rules have changed. */
const lookedAtOnce = 500;
/** After how long they are looked through again (ms): longer than a decision takes, and than a node needs to hear of a rule. */
const secondMs = 5000;
/** After how long what could not be decided is tried again (ms). */
const againMs = 300_000;
/** And what another node has to decide (ms). */
const elsewhereMs = 30_000;
/** How often the work is left to another node that may be able to do more of it, and for how long (ms): for several heartbeats. */
const leaveEveryMs = 60_000;
const leaveForMs = 5000;

export interface RecomputeOptions extends VerdictOptions {
  verdicts: Verdicts;
  /** Told of an image that could not be decided on; the others are. */
  failed(error: unknown, detail: Record<string, unknown>): void;
}

/** What is done for admission in the background; each round is small. True: more is waiting. */
export interface Recompute {
  /**
   * Whether it is for this node to do, where others could. Who does not understand all policies and exceptions cannot let out what
   * others could: each minute it leaves the work to whoever takes it then, and takes it back where nobody has.
   */
  isForUs(): boolean;
  /** What was pushed is decided on, what was deleted is forgotten. */
  followEvents(): Promise<boolean>;
  /** Verdicts by rules that are no longer those of a registry become due: what was pulled lately first. */
  followRules(): Promise<boolean>;
  /** Verdicts that are due are made anew. */
  recompute(): Promise<boolean>;
}

export function createRecompute(options: RecomputeOptions): Recompute {
  const { catalog, rules, verdicts, now, failed } = options;
  const { db } = catalog;

  const isThere = ({ registryId, repositoryId: id, repository: name, digest }: ImagePlace) =>
    hasManifest(catalog, { id, registryId, name }, digest);

  /** Decides on an image anew, and forgets it where it is gone or nothing covers it any more. */
  async function decide(repositoryId: number, digest: Digest): Promise<void> {
    const place = await placeOf(options, repositoryId, digest);
    const own = place && rules.of(place.registryId, place.repository);
    if (own && (await verdicts.decideAnew(place, own))) {
      // A node of the version that wrote the policies will do it.
      if (!own.isUnderstood) await db.write((tx) => decideLater(tx, place, now() + elsewhereMs, now()));
      return;
    }
    const there = place && (await isThere(place));
    // The push of what nobody holds any more is told of after all.
    if (there) await db.write(async (tx) => releaseImage(tx, place, now()));
    else await forget(repositoryId, digest);
  }

  /** Forgets an image that is gone. What was let out because of it, an index, is decided anew. */
  async function forget(repositoryId: number, digest: Digest): Promise<void> {
    const parts = await partsOf(db, repositoryId, digest);
    await db.write(async (tx) => {
      await forgetImage(tx, repositoryId, digest);
      outdate(tx, repositoryId, parts);
    });
  }

  /** What was decided on before an index listed it is decided anew: what holds for the index may hold for it, too. */
  async function tellChildren(place: ImagePlace): Promise<void> {
    const manifest = await readManifest(catalog, place.repositoryId, place.digest);
    const children = manifest ? await childrenOf(options, place, manifest) : [];
    if (children.length > 0)
      await db.write(async (tx) => outdate(tx, place.repositoryId, children), { durable: false });
  }

  async function pushed({ registryId, type, data }: Event): Promise<void> {
    const { repository, digest: text } = data as { repository: string; digest: string };
    const isHeld = type === 'manifest.quarantined';
    const own = rules.of(registryId, repository);
    if (!own && !isHeld) return;
    const digest = parseDigest(text);
    const id = (await repositoryIds(catalog, registryId, [repository])).get(repository);
    if (id === undefined || !digest) return;
    const place = { registryId, repositoryId: id, repository, digest };
    if (isHeld) await db.write(async (tx) => markHeld(tx, place, now()));
    if (own) await tellChildren(place);
    await decide(id, digest);
  }

  async function deleted({ registryId, data }: Event): Promise<void> {
    const { repositoryId, digest: text } = data as { repositoryId?: number; digest: string };
    const digest = parseDigest(text);
    if (!digest) return;
    const known = await placesOf(db, registryId, digest);
    for (const id of new Set([...known, ...(repositoryId === undefined ? [] : [repositoryId])])) {
      // Somebody may have pushed it again since.
      if (await isThere({ registryId, repositoryId: id, repository: '', digest })) continue;
      await forget(id, digest);
    }
    // What nothing names any more is scanned again, should it come back.
    if ((await placesOf(db, registryId, digest)).length > 0 || (await isNamed(catalog, registryId, digest))) return;
    await db.write(async (tx) => forgetEvidence(tx, registryId, digest));
  }

  async function guarded(detail: Record<string, unknown>, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      failed(error, detail);
      return false;
    }
  }

  /** When the verdicts of a registry are looked through for the second time (ms), by the name of that look. */
  const second = new Map<string, number>();

  /**
   * The look that is due at the verdicts of a registry whose rules have changed: one at once, and one a while later. What was
   * being decided by the old rules, here or on another node, is written by then.
   */
  function lookFor(registryId: number, progress: RuleProgress | undefined): string | undefined {
    const revision = rules.registry(registryId)?.revision ?? '';
    const first = `${revision}+`;
    if (progress?.revision === revision) return progress.done ? undefined : revision;
    if (progress?.revision !== first || !progress.done) return first;
    const name = `${registryId} ${revision}`;
    const at = second.get(name) ?? now() + secondMs;
    second.set(name, at);
    // A time further away than that was named by a clock that has been put back since.
    if (at > now() && at <= now() + secondMs) return undefined;
    second.delete(name);
    return revision;
  }

  /** Some verdicts of a registry whose rules have changed. True when there are more. */
  async function lookThrough(registryId: number): Promise<boolean> {
    const own = rules.registry(registryId);
    if (own && !own.isUnderstood) return false;
    const progress = await progressOf(db, registryId);
    const look = lookFor(registryId, progress);
    if (look === undefined) return false;
    const after = progress?.revision === look ? progress : { repositoryId: 0, digest: '' };
    const rows = await verdictsAfter(db, registryId, after, lookedAtOnce);
    for (const [repositoryId, some] of Map.groupBy(rows, (row) => row.repositoryId)) {
      const repository = await repositoryOfId(catalog, repositoryId);
      const wanted = (repository && own?.of(repository.name)?.revision) ?? '';
      const stale = some.filter((row) => row.revision !== wanted || wanted === '').map(({ digest }) => digest);
      if (stale.length === 0) continue;
      const pulls = repository ? await pullsOf(catalog, repository, stale) : new Map<string, { lastPullAt: number }>();
      await db.write(async (tx) => {
        for (const digest of stale) setDue(tx, repositoryId, digest, -(pulls.get(digest)?.lastPullAt ?? 1));
      });
    }
    const last = rows.at(-1);
    const done = rows.length < lookedAtOnce || !last;
    await saveProgress(db, registryId, {
      revision: look,
      done,
      repositoryId: last?.repositoryId ?? 0,
      digest: last?.digest ?? '',
    });
    return !done;
  }

  return {
    isForUs: () => now() % leaveEveryMs >= leaveForMs || rules.all().every(({ isWhole }) => isWhole),
    async followEvents() {
      // Where there is no policy and no evidence, nobody need know what is pushed.
      if (rules.all().length === 0 && !(await hasRecords(db))) return false;
      const handled = await consumeEvents(
        db,
        'admission',
        async (event) => {
          const { type, data } = event;
          const detail = { event: type, digest: data['digest'], repository: data['repository'] };
          // Told of when it was released: that was decided already.
          if (type === 'manifest.pushed' && data['released'] === true) return;
          if (type === 'manifest.pushed' || type === 'manifest.quarantined') {
            await guarded(detail, () => pushed(event));
          } else if (type === 'manifest.deleted') await guarded(detail, () => deleted(event));
        },
        eventsAtOnce,
      );
      return handled === eventsAtOnce;
    },
    async followRules() {
      let more = false;
      const registries = new Set(rules.all().map(({ registry }) => registry.id));
      for (const id of await followedRegistries(db)) registries.add(id);
      for (const id of registries) more = (await lookThrough(id)) || more;
      return more;
    },
    async recompute() {
      const due = await dueVerdicts(db, now(), verdictsAtOnce);
      const decideOne = async ({ repositoryId, digest }: (typeof due)[number]) => {
        const done = await guarded({ repositoryId, digest }, () => decide(repositoryId, digest));
        if (!done) await db.write(async (tx) => setDue(tx, repositoryId, digest, now() + againMs));
      };
      for (let at = 0; at < due.length; at += verdictsTogether) {
        await Promise.all(due.slice(at, at + verdictsTogether).map(decideOne));
      }
      return due.length === verdictsAtOnce;
    },
  };
}
