import { z } from 'zod';
import type { SoftDelete } from '../catalog/index.ts';
import type { Resource, ResourceBody } from '../resources/index.ts';

const dayMs = 86_400_000;

/** `policies.softDeletePolicy` (acr §4.1, §4.6), in every tier. */
export const softDeletePolicy = z.object({
  status: z
    .enum(['enabled', 'disabled', 'Enabled', 'Disabled'])
    .default('disabled')
    .describe('`enabled`: manifests that are deleted are kept, and can be restored.'),
  retentionDays: z
    .int()
    .min(1)
    .max(90)
    .default(7)
    .describe('For how many days. What is said here now holds of all that is kept, whenever it was deleted.'),
  lastUpdatedTime: z.string().max(64).optional().describe('When that was last changed; nobody else says so.'),
});

type Policy = z.output<typeof softDeletePolicy>;

interface Policies {
  policies?: { softDeletePolicy?: Policy | undefined } | undefined;
}

/** What becomes of what is deleted; undefined where nobody has said anything of it. */
export function softDeleteOf({ policies }: Policies): SoftDelete | undefined {
  const policy = policies?.softDeletePolicy;
  if (!policy) return undefined;
  return { enabled: policy.status.toLowerCase() === 'enabled', retentionMs: policy.retentionDays * dayMs };
}

/**
 * Of a registry that cannot be read here, because a newer version wrote it: only who can read it knows for how long it keeps
 * what is deleted. Until then nothing of it is deleted for good, for a hundred years.
 */
export const keptUntilRead: SoftDelete = { enabled: true, retentionMs: 36_525 * dayMs };

/**
 * The body of a registry with the time at which its policy was last changed: `now` (ms), or what it was before. A policy that it
 * does not name any more, as a template may leave it out, is off: what was kept by it has the days that it had.
 */
export function withPolicyTime(next: ResourceBody, previous: Resource | undefined, now: number): ResourceBody {
  const properties = next.properties as Policies;
  const before = (previous?.properties as Policies | undefined)?.policies?.softDeletePolicy;
  const policy = properties.policies?.softDeletePolicy ?? (before && { ...before, status: 'disabled' });
  if (!policy) return next;
  const isSame = before?.status === policy.status && before.retentionDays === policy.retentionDays;
  const lastUpdatedTime = (isSame ? before.lastUpdatedTime : undefined) ?? new Date(now).toISOString();
  const policies = { ...properties.policies, softDeletePolicy: { ...policy, lastUpdatedTime } };
  return { ...next, properties: { ...next.properties, policies } };
}
