import type { Transaction } from '../database/index.ts';
import { ManagementError, parseArmId } from '../operations/index.ts';
import { registryType } from '../registries/index.ts';
import type { Resource, ResourceBody, Resources } from '../resources/index.ts';
import { replicationType } from './contract.ts';
import { homeOf, regionOf } from './region.ts';

interface WriteContext {
  id: string;
  name: string;
  tx: Transaction;
}

/** What the replications of a registry are, and that its home is one of them. */
export function replicationHandlers(resources: Resources) {
  async function isHome(id: string, tx: Transaction): Promise<boolean> {
    const { name, parent } = parseArmId(id)!;
    const registry = await resources.get(parent!, tx);
    return registry !== undefined && homeOf(registry) === regionOf(name);
  }

  return {
    async beforeWrite(
      { id, name, tx }: WriteContext,
      next: ResourceBody,
      previous: Resource | undefined,
    ): Promise<ResourceBody> {
      if (regionOf(next.location ?? '') !== regionOf(name)) {
        throw new ManagementError(
          'InvalidRequestContent',
          `location must be the region that the replication is called by: ${name}`,
          { target: 'location' },
        );
      }
      return previous ? next : { ...next, own: { ...next.own, isHome: await isHome(id, tx) } };
    },

    async beforeDelete({ id, tx }: WriteContext): Promise<void> {
      if (!(await isHome(id, tx))) return;
      throw new ManagementError(
        'Conflict',
        'this is the home region of the registry, which goes with the registry alone; to lead no clients there, set ' +
          'regionEndpointEnabled to false',
        { target: id },
      );
    },

    present({ own, createdAt }: Resource): Record<string, unknown> {
      const timestamp = new Date(createdAt).toISOString();
      const status =
        own?.['isHome'] === true
          ? { displayStatus: 'Ready', message: 'The home region of the registry', timestamp }
          : {
              displayStatus: 'Waiting',
              message: 'No server of this region has joined; nothing is copied there',
              timestamp,
            };
      return { status };
    },
  };
}

/** Makes the home replication of a registry, unless there is one; in the transaction that writes the registry, or alone. */
export async function ensureHomeReplication(resources: Resources, registry: Resource, tx?: Transaction): Promise<void> {
  const home = homeOf(registry);
  const id = `${registry.id}/${replicationType.path.split('/')[1]}/${home}`;
  if (await resources.get(id, tx)) return;
  const make = async (inner: Transaction) => {
    await resources.lock(inner);
    // Another process may have been faster, or the registry is gone.
    if ((await resources.get(id, inner)) || !(await resources.get(registry.id, inner))) return;
    const properties = replicationType.properties.parse({});
    const body = { location: registry.location ?? home, properties, own: { isHome: true } };
    await resources.put(id, body, { by: registry.createdBy, tx: inner });
  };
  await (tx ? make(tx) : resources.db.write(make));
}

/** The same for registries that an earlier version has made. Pages, so that it takes little at a time. */
export async function ensureHomeReplications(resources: Resources): Promise<void> {
  for (let after: string | undefined; ;) {
    const page = await resources.list({ type: registryType.type, after });
    for (const registry of page.resources) await ensureHomeReplication(resources, registry);
    if (page.after === undefined) return;
    after = page.after;
  }
}
