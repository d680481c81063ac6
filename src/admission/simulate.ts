import { type Catalog, findRepository, repositoryPages, pulledDigests } from '../catalog/index.ts';
import { invalidContent, ManagementError } from '../operations/index.ts';
import type { Mirror } from '../resources/index.ts';
import { admissionPolicyType } from './contract.ts';
import { type AdmissionReason, type Effect, isLetOut } from './decision.ts';
import { evaluate } from './evaluate.ts';
import type { AdmissionPolicy } from './policy.ts';
import { covers } from './repositories.ts';
import type { AdmissionRules } from './rules.ts';
import { tagsOf } from './tags-of.ts';
import type { ImagePlace } from './verdict-store.ts';
import type { Verdicts } from './verdicts.ts';
import { exceptionsOf, policyOf, readPolicy } from './written-rules.ts';

/** Images that are looked at, and that an answer names. */
const mostImages = 2000;
const mostNamed = 200;
const dayMs = 86_400_000;

export interface SimulateOptions {
  catalog: Catalog;
  mirror: Mirror;
  rules: AdmissionRules;
  verdicts: Verdicts;
  now: () => number;
}

export interface SimulateInput {
  policyName?: string | undefined;
  properties?: Record<string, unknown> | undefined;
  days: number;
}

interface Refused {
  repository: string;
  digest: string;
  tags: string[];
  pulls: number;
  lastPulledOn: string;
  effectNow: Effect;
  reasons: AdmissionReason[];
}

/**
 * What a policy would refuse of that which was pulled of late, were it enforced now (supply §9): by what is known of the
 * images, and with the exceptions that there are. Nothing is recorded. What was pulled last comes first.
 */
export async function simulate(
  options: SimulateOptions,
  registry: { id: number; resourceId: string; name: string },
  input: SimulateInput,
) {
  const { catalog, rules: all, verdicts, now } = options;
  const policy = { ...policyToTry(options.mirror, registry.resourceId, input), mode: 'enforce' as const };
  // They are there before any policy is, so that nothing breaks when one comes.
  const exceptions = exceptionsOf(options.mirror, registry.resourceId).map(({ exception }) => exception);
  const since = now() - input.days * dayMs;
  const refused: { image: Refused; at: number; place: ImagePlace }[] = [];
  let pulled = 0;
  let refusedNow = 0;
  let truncated = false;
  for await (const { place, pulls, lastPullAt } of pulledImages(catalog, registry.id, policy, since)) {
    if (pulled++ === mostImages) {
      truncated = true;
      break;
    }
    const rules = all.of(registry.id, place.repository);
    const looked = await verdicts.look(place, rules ?? { ...emptyRules, repository: place.repository });
    if (!looked) continue;
    const then = evaluate(looked.facts, [policy], exceptions, now());
    if (isLetOut(then)) continue;
    const effectNow = looked.decision.effect;
    if (!isLetOut(looked.decision)) refusedNow++;
    const { repository, digest } = place;
    const lastPulledOn = new Date(lastPullAt).toISOString();
    refused.push({
      image: {
        repository,
        digest,
        tags: [],
        pulls,
        lastPulledOn,
        effectNow,
        reasons: then.reasons.slice(0, 3),
      },
      at: lastPullAt,
      place,
    });
  }
  const named = refused.toSorted((a, b) => b.at - a.at).slice(0, mostNamed);
  return {
    pulled: Math.min(pulled, mostImages),
    refused: refused.length,
    refusedNow,
    truncated,
    images: await Promise.all(
      named.map(async ({ image, place }) => ({ ...image, tags: await tagsOf(catalog, place) })),
    ),
  };
}

const emptyRules = {
  policies: [],
  exceptions: [],
  revision: '',
  enforces: false,
  quarantines: false,
  holdsPrevious: false,
  guardsBlobs: false,
  isUnderstood: true,
};

function policyToTry(mirror: Mirror, registryId: string, { policyName, properties }: SimulateInput): AdmissionPolicy {
  if ((policyName === undefined) === (properties === undefined)) {
    throw new ManagementError('InvalidRequestContent', 'give either policyName or properties: one policy is tried');
  }
  if (properties) {
    const read = admissionPolicyType.properties.safeParse(properties);
    if (!read.success) throw invalidContent(read.error);
    return policyOf('simulated', read.data);
  }
  const resource = mirror
    .list(admissionPolicyType.type, registryId)
    .find(({ name }) => name.toLowerCase() === policyName!.toLowerCase());
  if (resource) return readPolicy(resource).policy;
  throw new ManagementError('NotFound', `there is no policy ${JSON.stringify(policyName)} in this registry`, {
    target: 'policyName',
  });
}

/** What was pulled since a time from repositories that a policy covers. */
async function* pulledImages(catalog: Catalog, registryId: number, policy: AdmissionPolicy, since: number) {
  for await (const names of repositoryPages(catalog, registryId)) {
    for (const name of names.filter((one) => covers(policy.repositories, one))) {
      const repository = await findRepository(catalog, registryId, name);
      if (!repository) continue;
      for (const { digest, pulls, lastPullAt } of await pulledDigests(catalog, repository.id, since, mostImages + 1)) {
        yield { place: { registryId, repositoryId: repository.id, repository: name, digest }, pulls, lastPullAt };
      }
    }
  }
}
