import {
  type ManagementClient,
  ManagementClientError,
  type ResourceType,
  type WireResource,
} from '../../operations/index.ts';

/** A resource, where there is one. */
export async function existing<T extends ResourceType>(
  client: ManagementClient,
  type: T,
  at: readonly string[],
): Promise<WireResource<T> | undefined> {
  try {
    return await client.get(type, at);
  } catch (error) {
    if (error instanceof ManagementClientError && error.code === 'ResourceNotFound') return undefined;
    throw error;
  }
}
