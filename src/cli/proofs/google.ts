import { defaultAudience } from './pipelines.ts';
import type { Proof, ProofRequest, Surroundings } from './proof.ts';
import { ifThere, probeMs } from './read-answer.ts';

/**
 * The service account of a machine, a Cloud Run service or a pod with Workload Identity
 * (cloud.google.com/compute/docs/instances/verifying-instance-identity).
 */
export async function googleProof(
  { audience = defaultAudience }: ProofRequest,
  { call, metadata }: Surroundings,
): Promise<Proof | undefined> {
  if (!metadata) return undefined;
  const url = new URL(`${metadata.google}/computeMetadata/v1/instance/service-accounts/default/identity`);
  url.searchParams.set('audience', audience);
  url.searchParams.set('format', 'full');
  const answer = await ifThere(call(url.href, { headers: { 'metadata-flavor': 'Google' }, timeoutMs: probeMs }));
  // It says who it is, so that nobody else is taken for it.
  if (answer?.headers.get('metadata-flavor') !== 'Google') return undefined;
  const token = (await answer.text()).trim();
  if (answer.ok && token !== '') return { token, who: 'the service account of this machine' };
  throw new Error(`the metadata server of Google gives no token (${answer.status}); does the machine have an account?`);
}
