import { armKey, groupScope, ManagementError, parseArmId, subscriptionScope } from '../operations/index.ts';
import { builtInResource, type ListQuery, type Page, type Resource } from '../resources/index.ts';
import type { Recommended } from './advisor.ts';
import { recommendationType } from './contract.ts';

/** The tenant, the subscription and the group; not what lies in a resource and calls itself one. */
const wholes = new Set(['/', subscriptionScope, groupScope].map(armKey));

/** Recommendations are made when somebody asks for them; none is stored. `recommended`: all there are, worst first. */
export function recommendationHandlers(recommended: () => Promise<readonly Recommended[]>) {
  return {
    async get({ id, now }: { id: string; now: number }): Promise<Resource | undefined> {
      const all = (await recommended()).map((one) => resourceOf(one, now));
      return all.find(({ key }) => key === armKey(id));
    },
    /** What is about a scope and all in it; of the group, the subscription and the tenant everything. */
    async list({ id, now }: { id: string; now: number }, { after, limit = 100 }: ListQuery): Promise<Page> {
      const scope = parseArmId(id)!;
      const isWhole = wholes.has(scope.key);
      const concerned = (await recommended()).filter(
        ({ resourceId }) => isWhole || `${armKey(resourceId)}/`.startsWith(`${scope.key}/`),
      );
      const all = concerned.map((one) => resourceOf(one, now));
      const from = after === undefined ? 0 : all.findIndex(({ key }) => key === after) + 1;
      // What the page before ended with may be gone, and its place with it.
      if (after !== undefined && from === 0) {
        throw new ManagementError('Conflict', 'the recommendations have changed; ask for the first page again');
      }
      const resources = all.slice(from, from + limit);
      return { resources, after: all.length > from + limit ? resources.at(-1)!.key : undefined };
    },
  };
}

function resourceOf({ name, resourceId, properties }: Recommended, now: number): Resource {
  const scope = resourceId === '/' ? '' : resourceId;
  const id = `${scope}/providers/${recommendationType.type}/${name}`;
  const by = 'advisor';
  return { ...builtInResource(id, properties), createdAt: now, updatedAt: now, createdBy: by, updatedBy: by };
}
