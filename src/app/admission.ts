import { LRUCache } from 'lru-cache';
import { createAdmission, type Passed, type Puller, type RepositoryRules } from '../admission/index.ts';
import type { QuarantineAttributes } from '../acr/index.ts';
import type { Audit } from '../audit/index.ts';
import { digestsOfTags } from '../catalog/index.ts';
import type { AdmissionDoor } from '../distribution/index.ts';
import { RegistryError } from '../errors/index.ts';
import { type GatedExchange, isAllowed, rightsOf } from '../identity/index.ts';
import type { Digest } from '../oci/index.ts';
import { hurryScan, scanWaitsSince } from '../scanning/index.ts';
import type { Access } from './access.ts';
import { about, alikeOf } from './audit-trail.ts';
import type { Failures } from './background.ts';
import { callerOf } from './gates.ts';
import { freshAt } from './scan.ts';
import type { Storage } from './storage.ts';

/** Tags of a list that are looked at one by one because nothing is recorded of what they name; others are shown. */
const mostLooked = 200;

/** Images whose scan was hurried because somebody pulls them, for how long that is not done again (ms), and how many. */
const mostHurried = 10_000;
const hurriedMs = 10_000;

/** What is let out of a repository, for both protocols. */
interface Door extends AdmissionDoor {
  /** Where those of some tags lead to that lead elsewhere than they point; null for nowhere. */
  led(
    exchange: GatedExchange,
    repositoryId: number,
    tags: ReadonlyMap<string, Digest>,
  ): Promise<Map<string, Digest | null>>;
}

/** What is let out, with who asks and what is audited. */
export function openAdmission(
  { db, catalog, blobs: bytes }: Storage,
  { mirror, directory }: Access,
  { audit, failed, now }: { audit: Audit; failed: Failures; now: () => number },
) {
  const hurried = new LRUCache<Digest, true>({ max: mostHurried, ttl: hurriedMs });
  const admission = createAdmission({
    catalog,
    blobs: bytes,
    mirror,
    registries: () => directory().registries,
    now,
    freshAt: freshAt(db, now),
    scanWaitsSince: (digest) => scanWaitsSince(db, digest),
    wanted({ digest }) {
      if (hurried.has(digest)) return;
      hurried.set(digest, true);
      hurryScan(db, digest, now()).catch((error: unknown) => failed('scan', error));
    },
    failed: (error, detail) => failed('admission', error, detail),
  });

  /** By the rights of now, whatever the token was asked for. */
  const pullerOf = (exchange: GatedExchange): Puller => ({
    has: (right, repository) => rightsOf(callerOf(exchange.caller), directory()).allows(right, repository),
  });

  const passedBy = (exchange: GatedExchange) => (passed: Passed) => recordPassed(audit, exchange, passed);

  const doors = new WeakMap<RepositoryRules, Door>();

  /** One for as long as the rules of a repository are the same. */
  function doorOf(registryId: number, repository: string): Door | undefined {
    const rules = admission.gate.of(registryId, repository);
    if (!rules) return undefined;
    let door = doors.get(rules);
    if (!door) doors.set(rules, (door = createDoor(registryId, rules)));
    return door;
  }

  function createDoor(registryId: number, rules: RepositoryRules): Door {
    const { repository } = rules;
    const { gate, blobs, verdicts } = admission;
    type Found = { repositoryId: number; digest: Digest };
    const placeOf = ({ repositoryId, digest }: Found) => ({ registryId, repositoryId, repository, digest });
    const leadsTo: AdmissionDoor['leadsTo'] = (exchange, found, tag) =>
      gate.leadsTo(rules, { place: placeOf(found), tag, puller: pullerOf(exchange) });
    const led: Door['led'] = async (exchange, repositoryId, tags) => {
      const elsewhere = new Map<string, Digest | null>();
      const puller = pullerOf(exchange);
      if (puller.has('quarantine/read', repository)) return elsewhere;
      const recorded = await verdicts.listed(repositoryId, [...new Set(tags.values())], rules);
      let looked = 0;
      for (const [tag, digest] of tags) {
        const known = recorded.get(digest);
        if (known?.effect === 'allow' || (!known && looked++ >= mostLooked)) continue;
        const to = await gate.leadsTo(rules, { place: placeOf({ repositoryId, digest }), tag, puller, known });
        if (to !== undefined) elsewhere.set(tag, to);
      }
      return elsewhere;
    };
    return {
      leadsTo,
      led,
      admit(exchange, found, tag) {
        if (gate.hasJustAdmitted(rules, found)) return undefined;
        return gate.admit(rules, {
          place: placeOf(found),
          tag,
          puller: pullerOf(exchange),
          passed: passedBy(exchange),
          waits: () => exchange.untimed(),
        });
      },
      async visible(exchange, repositoryId, tags) {
        if (!rules.holdsPrevious) return tags;
        const elsewhere = await led(exchange, repositoryId, await digestsOfTags(catalog, repositoryId, tags));
        return elsewhere.size === 0 ? tags : tags.filter((tag) => elsewhere.get(tag) !== null);
      },
      guardsBlobs: rules.guardsBlobs,
      admitBlob: (exchange, found) =>
        blobs.admit(rules, { place: placeOf(found), puller: pullerOf(exchange), passed: passedBy(exchange) }),
      mayTake: (exchange, found) => blobs.mayTake(rules, placeOf(found), pullerOf(exchange)),
    };
  }

  const heldTags = (registryId: number, repository: string) =>
    admission.gate.of(registryId, repository)?.holdsPrevious ? doorOf(registryId, repository) : undefined;

  const quarantine: QuarantineAttributes = {
    shown: (repository, digests) => admission.quarantine.shown(repository, digests),
    async change(exchange, repository, digest, change) {
      const caller = callerOf(exchange.caller);
      requireRight(
        isAllowed(caller, directory(), 'quarantine/write', repository.name),
        'quarantine/write',
        repository.name,
      );
      const { id: repositoryId, registryId, name } = repository;
      await admission.quarantine.change(
        { registryId, repositoryId, repository: name, digest },
        change,
        caller.holder.name,
      );
    },
    requireAttributes(exchange, repository) {
      const may = isAllowed(callerOf(exchange.caller), directory(), 'metadata/write', repository);
      requireRight(may, 'metadata/write', repository);
    },
  };

  return { admission, doorOf, heldTags, quarantine };
}

function requireRight(may: boolean, right: string, repository: string): void {
  if (may) return;
  throw new RegistryError('DENIED', {
    message: `you have no right to ${right} in ${repository}; a role such as ${right.startsWith('quarantine') ? 'AcrQuarantineWriter' : 'Container Registry Repository Writer'} gives it`,
    detail: { reason: 'not_allowed', action: right, name: repository },
  });
}

/** What was pulled although it is refused, or would be. */
function recordPassed(audit: Audit, exchange: GatedExchange, { place, blob, decision, why, right }: Passed): void {
  const caller = callerOf(exchange.caller);
  audit.note(caller, alikeOf(exchange, `pull ${why}`, place.repository), () => ({
    ...about(exchange, caller),
    action: 'pull',
    outcome: 'allowed',
    reason: why,
    target: place.repository,
    detail: { decision, digest: place.digest, ...(blob && { blob }), ...(right && { right }) },
  }));
}
