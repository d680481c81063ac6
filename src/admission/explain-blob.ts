import { type Catalog, findLinkedBlob } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';
import type { BlobGate } from './blob-gate.ts';
import type { Effect } from './decision.ts';
import { decisionId } from './refusal.ts';
import type { RepositoryRules } from './rules.ts';
import { tagsOf } from './tags-of.ts';

/** Images that have a blob and are named. */
const mostImages = 10;

/**
 * Why a blob would be let out, or not, to whoever may only pull: by an image that has it, or because no policy asks for one.
 * Undefined where the repository has no such blob.
 */
export async function explainBlob(
  { catalog, blobs }: { catalog: Catalog; blobs: BlobGate },
  rules: RepositoryRules,
  { registryId, repository, digest }: { registryId: number; repository: string; digest: Digest },
) {
  const linked = await findLinkedBlob(catalog, registryId, repository, digest);
  if (!linked) return undefined;
  const place = { registryId, repositoryId: linked.repositoryId, repository, digest };
  const { letOut, refusing } = rules.guardsBlobs
    ? await blobs.look(rules, place)
    : { letOut: { by: undefined }, refusing: [] };
  const first = refusing[0]?.decision;
  const concerned: { digest: Digest; effect: Effect }[] = letOut?.by
    ? [{ digest: letOut.by, effect: 'allow' }]
    : refusing.slice(0, mostImages).map((one) => ({ digest: one.digest, effect: one.decision.effect }));
  const effect: Effect = letOut ? 'allow' : first?.effect === 'pending' ? 'pending' : 'deny';
  return {
    repository,
    digest,
    tags: [],
    kind: 'blob',
    decision: decisionId({ ...place, digest: concerned[0]?.digest ?? digest }, rules.revision),
    effect,
    policies: rules.policies.map(({ name, mode, blobs: which }) => ({ name, mode, blobs: which })),
    reasons: first?.reasons ?? [],
    audited: [],
    more: first?.more ?? 0,
    excepted: [],
    images: await Promise.all(
      concerned.map(async (one) => ({ ...one, tags: await tagsOf(catalog, { ...place, digest: one.digest }) })),
    ),
  };
}
