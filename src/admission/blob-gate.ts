import { manifestsNaming } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';
import { type BlobPlace, findLetting } from './blob-store.ts';
import { type Decision, isLetOut } from './decision.ts';
import { exemptionOf, type Exemption, type Puller } from './exemption.ts';
import { type GateOptions, type Passed, unscannedIn } from './gate.ts';
import { createRecent } from './recent.ts';
import { blobDenial, decisionId } from './refusal.ts';
import type { RepositoryRules } from './rules.ts';
import { tagsOf } from './tags-of.ts';

/** Images of a blob that have been let out and are decided on anew, because what they were decided by has changed. */
const mostLetting = 16;
/** Images of a blob that are looked at where none of them is known to be let out. */
const mostNaming = 64;

/**
 * And of these, how many are decided on anew for one pull: what an index lists and is refused is so every two seconds.
 */
const mostDecided = 16;

/** What is known of a blob: the image that lets it out, or the first ones that have it and do not. */
export interface BlobLook {
  /** Where it is let out; without an image where there is none at all that has it, and that is enough. */
  letOut?: { by: Digest | undefined; validUntil: number } | undefined;
  refusing: { digest: Digest; decision: Decision }[];
}

/** One pull of a blob that was found. */
export interface BlobPull {
  place: BlobPlace;
  puller: Puller;
  /** Told of what is audited. */
  passed(passed: Passed): void;
}

export interface BlobGate {
  /**
   * Lets a blob out, or throws, in a repository that lets out those of images alone that are (supply §18.6). Undefined, and no
   * promise, where there is nothing to ask.
   */
  admit(rules: RepositoryRules, pull: BlobPull): Promise<void> | undefined;
  /** Whether a blob may be taken into another repository: whether something that is let out has it, or nothing has. */
  mayTake(rules: RepositoryRules, place: BlobPlace, puller: Puller): Promise<boolean>;
  /** What is known of a blob, to whoever may only pull. */
  look(rules: RepositoryRules, place: BlobPlace): Promise<BlobLook>;
}

export function createBlobGate({
  catalog,
  verdicts,
  wanted,
  now,
}: Pick<GateOptions, 'catalog' | 'verdicts' | 'wanted'> & { now: () => number }): BlobGate {
  const recent = createRecent(now);

  async function look(rules: RepositoryRules, place: BlobPlace): Promise<BlobLook> {
    const { db } = catalog;
    const { repositoryId, digest } = place;
    const imageOf = (of: Digest) => ({ ...place, digest: of });
    const letOutBy = (by: Digest, { validUntil }: Decision) => ({ letOut: { by, validUntil }, refusing: [] });
    for (let behind = '', looks = 0; rules.guardsBlobs && looks < mostLetting; looks++) {
      const found = await findLetting(db, place, rules.revision, { behind, now: now() });
      if (!found) break;
      const decision = found.decision ?? (await verdicts.decide(imageOf(found.digest), rules));
      if (decision && isLetOut(decision)) return letOutBy(found.digest, decision);
      behind = found.digest;
    }
    // Of the others nothing is known by these rules, or nothing good.
    const naming = await manifestsNaming(catalog, repositoryId, digest, mostNaming);
    if (naming.length === 0 && !rules.guardsBlobs) {
      // What no manifest names is no part of an image.
      return { letOut: { by: undefined, validUntil: 0 }, refusing: [] };
    }
    const images = naming.map((one) => one.digest);
    const recorded = await verdicts.recorded(repositoryId, images, rules);
    const refusing: BlobLook['refusing'] = [];
    for (const of of images) {
      const decision = recorded.get(of);
      if (decision && isLetOut(decision)) return letOutBy(of, decision);
      if (decision) refusing.push({ digest: of, decision });
    }
    const unknown = images.filter((of) => !recorded.has(of));
    for (const of of rules.guardsBlobs ? unknown.slice(0, mostDecided) : unknown) {
      const decision = await verdicts.decide(imageOf(of), rules);
      if (decision && isLetOut(decision)) return letOutBy(of, decision);
      if (decision) refusing.push({ digest: of, decision });
    }
    return { refusing };
  }

  /** By what somebody may read a blob that is not let out: what they may of an image that has it. */
  function exemptionFrom(rules: RepositoryRules, { repository }: BlobPlace, puller: Puller, { refusing }: BlobLook) {
    const guarding = rules.policies.filter(({ mode, blobs }) => mode !== 'audit' && blobs === 'admitted');
    const signersMayRead =
      refusing.length > 0
        ? refusing.some(({ decision }) => decision.signersMayRead)
        : guarding.every((policy) => policy.signersMayRead);
    return exemptionOf(puller, repository, signersMayRead);
  }

  async function ask(rules: RepositoryRules, { place, puller, passed }: BlobPull): Promise<void> {
    const at = now();
    const found = await look(rules, place);
    if (found.letOut) {
      recent.keep(place, rules, { at, validUntil: found.letOut.validUntil });
      return;
    }
    const [refusing] = found.refusing;
    const image = { ...place, digest: refusing?.digest ?? place.digest };
    const right: Exemption | undefined = exemptionFrom(rules, place, puller, found);
    if (right) {
      const decision = decisionId(image, rules.revision);
      passed({ place: image, blob: place.digest, decision, why: 'read-for-signing', right });
      return;
    }
    if (refusing?.decision.effect === 'pending') {
      for (const digest of unscannedIn(image, refusing.decision)) wanted?.({ ...place, digest });
    }
    throw blobDenial(
      place,
      rules,
      refusing && { ...refusing, tag: (await tagsOf(catalog, image, 1))[0], others: found.refusing.length > 1 },
    );
  }

  return {
    look,
    admit: (rules, pull) => (!rules.guardsBlobs || recent.has(pull.place, rules) ? undefined : ask(rules, pull)),
    async mayTake(rules, place, puller) {
      if (!rules.enforces || recent.has(place, rules)) return true;
      const found = await look(rules, place);
      if (found.letOut) return true;
      return exemptionFrom(rules, place, puller, found) !== undefined;
    },
  };
}
