import { type Catalog, repositoryPages } from '../catalog/index.ts';
import type { Mirror } from '../resources/index.ts';
import type { CheckedAdmission } from './checks.ts';
import { admissionPolicyType } from './contract.ts';
import { lastDayOf } from './exception.ts';
import type { AdmissionPolicy } from './policy.ts';
import { covers, mayMeet } from './repositories.ts';
import type { AdmissionRegistry } from './rules.ts';
import { exceptionsOf, policiesOf } from './written-rules.ts';

/** Repositories of a registry that are looked at, in the order of their names. */
const mostRepositories = 100_000;

/** Names that say that something is in production: `prod/app`, `shop/production`, `app-live`. */
const production = /(?:^|[/._-])(?:prod|production|live|release|releases)(?:$|[/._-])/;

/** Which catalogues beside advisories have ever come: of what is exploited, and of how likely that is. */
interface Catalogues {
  exploited: boolean;
  predicted: boolean;
}

/** All that the advisor is to know of the admission of registries. */
export async function checkedAdmission(
  catalog: Catalog,
  mirror: Mirror,
  registries: readonly AdmissionRegistry[],
  { now, known }: { now: number; known: Catalogues },
): Promise<CheckedAdmission[]> {
  const checked: CheckedAdmission[] = [];
  for (const registry of registries) {
    const { resourceId, name } = registry;
    const policies = policiesOf(mirror, resourceId);
    const exceptions = exceptionsOf(mirror, resourceId).map(({ resource, exception }) => {
      const { vulnerability, approvedAt } = exception;
      // No longer than each policy says, whatever the exception does: the policy may have come after it.
      const ends = policies
        .map(({ policy }) => policy)
        .filter((policy) => mayMeet(policy.repositories, exception.repositories))
        .map((policy) => lastDayOf(exception, policy));
      const expiresAt = Math.min(exception.expiresAt, ...ends);
      return { id: resource.id, name: resource.name, vulnerability, approvedAt, expiresAt };
    });
    const named = mirror.list(admissionPolicyType.type, resourceId).map((resource) => resource.name);
    const blind = policies.flatMap(({ resource: { id, name: policy }, policy: rules }) => {
      const catalogues = [
        ...(rules.knownExploited && !known.exploited ? ['KEV'] : []),
        ...(rules.epss !== undefined && !known.predicted ? ['EPSS'] : []),
      ];
      return catalogues.length > 0 ? [{ id, name: policy, catalogues }] : [];
    });
    const open = await openOf(
      catalog,
      policies.map(({ policy }) => policy),
      registry,
    );
    checked.push({ registry: name, resourceId, exceptions, policies: named, blind, open, now });
  }
  return checked;
}

/** Production repositories that no policy covers, those below one prefix together. */
async function openOf(
  catalog: Catalog,
  policies: readonly Pick<AdmissionPolicy, 'repositories'>[],
  registry: AdmissionRegistry,
): Promise<string[]> {
  if (registry.quarantines) return [];
  const open = new Set<string>();
  let looked = 0;
  for await (const names of repositoryPages(catalog, registry.id)) {
    for (const name of names) {
      if (production.test(name) && !policies.some(({ repositories }) => covers(repositories, name)))
        open.add(patternOf(name));
    }
    if ((looked += names.length) >= mostRepositories) break;
  }
  return [...open];
}

/** The prefix that says it, with all below; else the repository alone. */
function patternOf(name: string): string {
  const parts = name.split('/');
  const at = parts.findIndex((part) => production.test(part));
  return at < 0 || at === parts.length - 1 ? name : `${parts.slice(0, at + 1).join('/')}/*`;
}
