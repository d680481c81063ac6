import { manifestsNaming, repositoryOfId } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';
import { type AdmissionFacts, type Decision, isLetOut } from './decision.ts';
import { evaluate } from './evaluate.ts';
import { collectFacts, type FactSources } from './facts.ts';
import { expectParts } from './part-store.ts';
import { createRecent } from './recent.ts';
import type { AdmissionRules, RepositoryRules } from './rules.ts';
import { type ImagePlace, outdate, readVerdict, readVerdicts, recordedOf, writeVerdict } from './verdict-store.ts';

/** Indexes that are outdated at a time, because something that they list has changed. */
const listingAtOnce = 1000;

export interface VerdictOptions extends FactSources {
  rules: AdmissionRules;
  /** Current time (ms). */
  now: () => number;
}

export interface Verdicts {
  /** Whether this process has seen a moment ago that an image is admitted. */
  remembers(place: Pick<ImagePlace, 'repositoryId' | 'digest'>, rules: RepositoryRules): boolean;
  /**
   * The decision on an image by the rules of now: the recorded one where that is believed, else a new one, which is recorded.
   * Undefined where there is no such manifest.
   */
  decide(place: ImagePlace, rules: RepositoryRules): Promise<Decision | undefined>;
  /** A new decision in any case. */
  decideAnew(place: ImagePlace, rules: RepositoryRules): Promise<Decision | undefined>;
  /** Those of some manifests of a repository that are recorded and believed. */
  recorded(repositoryId: number, digests: readonly Digest[], rules: RepositoryRules): Promise<Map<Digest, Decision>>;
  /** The same for a list, where not each of them can be decided anew. */
  listed(repositoryId: number, digests: readonly Digest[], rules: RepositoryRules): Promise<Map<Digest, Decision>>;
  /** The facts of an image and what the rules make of them now; nothing is recorded. */
  look(place: ImagePlace, rules: RepositoryRules): Promise<{ facts: AdmissionFacts; decision: Decision } | undefined>;
}

export function createVerdicts(options: VerdictOptions): Verdicts {
  const { catalog, now } = options;
  const { db } = catalog;
  const recent = createRecent(now);
  const underWay = new Map<string, Promise<Decision | undefined>>();

  function remember(place: ImagePlace, rules: RepositoryRules, decision: Decision, at: number): void {
    if (decision.effect === 'allow') recent.keep(place, rules, { at, validUntil: decision.validUntil });
    else recent.drop(place, rules);
  }

  async function decideAnew(place: ImagePlace, rules: RepositoryRules): Promise<Decision | undefined> {
    const evaluatedAt = now();
    const seen = await recordedOf(db, place);
    const collected = await collectFacts(options, place);
    if (!collected) return undefined;
    const { facts, mediaType, evidenceVersion, stateVersion, parts } = collected;
    const decision = evaluate(facts, rules.policies, rules.exceptions, evaluatedAt);
    if (!rules.isUnderstood) {
      // Nodes that understand all of it have decided, or will.
      remember(place, rules, decision, evaluatedAt);
      return decision;
    }
    if (parts.length > 0) await expectParts(db, place, parts, evaluatedAt);
    const letsBlobs = rules.guardsBlobs && isLetOut(decision);
    const verdict = { decision, revision: rules.revision, evidenceVersion, stateVersion, evaluatedAt, letsBlobs };
    // First, so that nothing is left undone where this breaks off: an index is decided on by what is known already.
    const isTold = seen?.effect !== decision.effect;
    if (isTold) await tellIndexes(place);
    const changed = await writeVerdict(db, place, verdict, mediaType, { seen, parts });
    if (changed && !isTold) await tellIndexes(place);
    remember(place, rules, decision, evaluatedAt);
    return decision;
  }

  /** What lists an image whose effect has changed is decided anew. */
  async function tellIndexes({ repositoryId, digest }: ImagePlace): Promise<void> {
    for (let after = ''; ;) {
      const naming = await manifestsNaming(catalog, repositoryId, digest, listingAtOnce, after);
      const indexes = naming.filter(({ role }) => role === 'child').map((one) => one.digest);
      if (indexes.length > 0) await db.write(async (tx) => outdate(tx, repositoryId, indexes), { durable: false });
      if (naming.length < listingAtOnce) return;
      after = naming.at(-1)!.digest;
    }
  }

  return {
    remembers: recent.has,
    async decide(place, rules) {
      const at = now();
      const known = await readVerdict(db, place, rules.revision, at);
      if (known) {
        remember(place, rules, known, at);
        return known;
      }
      // Hundreds of clients that pull an image at the same moment wait for one decision.
      const key = `${place.repositoryId} ${place.digest} ${rules.revision}`;
      let waiting = underWay.get(key);
      if (!waiting) {
        waiting = decideAnew(place, rules).finally(() => underWay.delete(key));
        underWay.set(key, waiting);
      }
      return waiting;
    },
    decideAnew,
    recorded: (repositoryId, digests, { revision }) => readVerdicts(db, repositoryId, digests, revision, now()),
    listed: (repositoryId, digests, { revision }) => readVerdicts(db, repositoryId, digests, revision, now(), true),
    async look(place, rules) {
      const collected = await collectFacts(options, place);
      if (!collected) return undefined;
      const decision = evaluate(collected.facts, rules.policies, rules.exceptions, now());
      return { facts: collected.facts, decision };
    },
  };
}

/** The image of a repository by its id; undefined where that is gone. */
export async function placeOf(
  { catalog }: Pick<FactSources, 'catalog'>,
  repositoryId: number,
  digest: Digest,
): Promise<ImagePlace | undefined> {
  const repository = await repositoryOfId(catalog, repositoryId);
  return repository && { registryId: repository.registryId, repositoryId, repository: repository.name, digest };
}
