import { nothingStored, type StorageUsage } from './usage.ts';

/** What is to be added to registries and repositories, by both. */
export type Sums = Map<string, { registryId: number; repositoryId: number; usage: StorageUsage }>;

export function addTo(sums: Sums, registryId: number, repositoryId: number, more: Partial<StorageUsage>): void {
  const name = `${registryId} ${repositoryId}`;
  let sum = sums.get(name);
  if (!sum) sums.set(name, (sum = { registryId, repositoryId, usage: { ...nothingStored } }));
  for (const key of Object.keys(more) as (keyof StorageUsage)[]) sum.usage[key] += more[key]!;
}
