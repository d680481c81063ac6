import { idOf, type ManagementClient, type ResourceType } from '../../operations/index.ts';
import { notFound } from '../failure.ts';

/** Deletes a resource. Throws where there was none: a name that is mistyped must not look like one that is gone. */
export async function deleteExisting(
  client: ManagementClient,
  type: ResourceType,
  at: readonly string[],
): Promise<void> {
  if (await client.delete(type, at)) return;
  throw notFound(`the resource ${idOf(type, at)} was not found`);
}
