import { earlierDigests, type Catalog } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';
import { type Decision, isLetOut } from './decision.ts';
import { type Exemption, exemptionOf, type Puller } from './exemption.ts';
import { decisionId, denial, hidden } from './refusal.ts';
import type { AdmissionRules, RepositoryRules } from './rules.ts';
import type { ImagePlace } from './verdict-store.ts';
import type { Verdicts } from './verdicts.ts';

/** What was pulled although it is refused, or would be. */
export interface Passed {
  place: ImagePlace;
  /** What of it, where that was a blob. */
  blob?: Digest;
  decision: string;
  why: 'read-for-signing' | 'would-deny' | 'pending';
  /** The right by which it was. */
  right?: Exemption;
}

/** What else there is to say of what is let out. */
export interface Admitted {
  /** What is served instead: what the tag led to last that is admitted. */
  instead?: Digest;
  /** What an audit would have said, for a header. */
  decision?: string;
}

/** One pull of a manifest that was found. */
export interface Pull {
  place: ImagePlace;
  tag: string | undefined;
  puller: Puller;
  /** Told of what is audited. */
  passed(passed: Passed): void;
  /** Called before it takes long. */
  waits(): void;
}

/** A tag, and the manifest that it names. */
export interface NamedByTag {
  place: ImagePlace;
  tag: string;
  puller: Puller;
  /** The decision on it, where that is known; else it is asked for. */
  known?: Decision | undefined;
}

export interface GateOptions {
  catalog: Catalog;
  rules: AdmissionRules;
  verdicts: Verdicts;
  /** Told of an image that somebody pulls and that waits for its scan, each time: it is wanted before others. */
  wanted?: ((place: ImagePlace) => void) | undefined;
  sleep?(ms: number): Promise<void>;
}

/** How often somebody who waits looks (ms), how many may wait, and how many earlier places of a tag are looked at. */
const lookMs = 250;
const mostWaiting = 256;
const looksBack = 50;

export interface AdmissionGate {
  /** The rules of a repository; undefined where none cover it, and nothing is asked then. */
  of(registryId: number, repository: string): RepositoryRules | undefined;
  /**
   * Lets a manifest out, or throws (design §6): by one row, where that says so. Undefined where there is nothing more to
   * say of it.
   */
  admit(rules: RepositoryRules, pull: Pull): Promise<Admitted | undefined>;
  /** Whether this process has just seen that it is let out: nothing need be asked then. */
  hasJustAdmitted(rules: RepositoryRules, place: Pick<ImagePlace, 'repositoryId' | 'digest'>): boolean;
  /** What a tag leads somebody to: undefined where that is what it names, null where it leads nowhere. */
  leadsTo(rules: RepositoryRules, named: NamedByTag): Promise<Digest | null | undefined>;
  /** Whether an image may be taken elsewhere: into another repository or registry. Throws what a pull would. */
  requireAdmitted(place: ImagePlace, puller: Puller): Promise<void>;
}

/** What of an image is to be scanned before it can be let out; of an index these are images that it lists. */
export function unscannedIn({ digest }: Pick<ImagePlace, 'digest'>, decision: Decision): readonly Digest[] {
  const { effect, reasons, unscanned } = decision;
  return effect === 'pending' || reasons.some(({ code }) => code === 'UNSCANNED') ? (unscanned ?? [digest]) : [];
}

export function createAdmissionGate({
  catalog,
  rules: all,
  verdicts,
  wanted,
  sleep = Bun.sleep,
}: GateOptions): AdmissionGate {
  let waiting = 0;

  async function admit(rules: RepositoryRules, pull: Pull): Promise<Admitted | undefined> {
    const { place, tag, puller } = pull;
    let decision = await verdicts.decide(place, rules);
    // Gone since it was found: whoever has found it may have it.
    if (!decision || decision.effect === 'allow') return undefined;
    const id = decisionId(place, rules.revision);
    if (decision.effect === 'would-deny') {
      pull.passed({ place, decision: id, why: 'would-deny' });
      return { decision: `would-deny; id=${id}` };
    }
    const right = exemptionOf(puller, place.repository, decision.signersMayRead);
    if (right) {
      pull.passed({ place, decision: id, why: 'read-for-signing', right });
      return undefined;
    }
    // Also where nobody waits any more: who pulls it wants it scanned.
    for (const digest of unscannedIn(place, decision)) wanted?.({ ...place, digest });
    const before = await earlier(rules, place, tag, decision);
    if (before) return { instead: before };
    if (decision.effect === 'pending') {
      decision = await waitFor(rules, pull, decision);
      if (decision.effect === 'allow' || decision.effect === 'would-deny') return undefined;
      if (decision.effect === 'pending' && decision.pending.choice === 'allow') {
        pull.passed({ place, decision: id, why: 'pending' });
        return undefined;
      }
    }
    throw decision.isHidden ? hidden(place, tag, rules, decision) : denial(place, tag, rules, decision);
  }

  /** Waits for a decision that is none yet, as long as the policy says. Many who wait make the next ones not wait. */
  async function waitFor(rules: RepositoryRules, pull: Pull, first: Decision): Promise<Decision> {
    let decision = first;
    let left = Math.ceil((first.pending.waitSeconds * 1000) / lookMs);
    if (left === 0 || waiting >= mostWaiting) return decision;
    pull.waits();
    waiting++;
    try {
      while (left-- > 0 && decision.effect === 'pending') {
        await sleep(lookMs);
        decision = (await verdicts.decide(pull.place, rules)) ?? decision;
      }
      return decision;
    } finally {
      waiting--;
    }
  }

  /** Where a tag in quarantine led last that is admitted by now; undefined where it does not lead elsewhere. */
  async function earlier(
    rules: RepositoryRules,
    place: ImagePlace,
    tag: string | undefined,
    { isHidden, quarantine }: Decision,
  ): Promise<Digest | undefined> {
    if (tag === undefined || !isHidden || quarantine?.tagMode !== 'hold-previous') return undefined;
    // By such a policy nothing was let out before either, and nothing is recorded of it.
    if (rules.policies.some(({ unreadable, mode }) => unreadable && mode !== 'audit')) return undefined;
    for (const digest of await earlierDigests(catalog, place.repositoryId, tag, looksBack)) {
      if (digest === place.digest) continue;
      const decision = await verdicts.decide({ ...place, digest }, rules);
      if (decision?.effect === 'allow' || decision?.effect === 'would-deny') return digest;
    }
    return undefined;
  }

  return {
    of: all.of,
    admit,
    hasJustAdmitted: (rules, place) => verdicts.remembers(place, rules),
    async leadsTo(rules, { place, tag, puller, known }) {
      if (!rules.quarantines || verdicts.remembers(place, rules)) return undefined;
      const decision = known ?? (await verdicts.decide(place, rules));
      if (!decision?.isHidden || exemptionOf(puller, place.repository, decision.signersMayRead)) return undefined;
      const before = await earlier(rules, place, tag, decision);
      // Whoever pulls gets that one, after a while.
      return before ?? (isLetOut(decision) ? undefined : null);
    },
    async requireAdmitted(place, puller) {
      const rules = all.of(place.registryId, place.repository);
      if (!rules?.enforces || verdicts.remembers(place, rules)) return;
      const decision = await verdicts.decide(place, rules);
      if (!decision || isLetOut(decision)) return;
      if (exemptionOf(puller, place.repository, decision.signersMayRead)) return;
      throw decision.isHidden ? hidden(place, undefined, rules, decision) : denial(place, undefined, rules, decision);
    },
  };
}
