import { resolve } from 'node:path';
import type { Proof, ProofRequest, Surroundings } from './proof.ts';
import { readTokenFile } from './token-file.ts';

/** Where guides have the projected volume of a pod mounted. */
const projected = '/var/run/secrets/tokens/bonded';

/**
 * The token that Kubernetes projects into a pod (serviceAccountToken of a projected volume), or any other that a platform
 * keeps in a file. Never the one for the API server of the cluster: a registry could use that.
 */
export async function kubernetesProof(
  { tokenFile }: ProofRequest,
  { environment }: Surroundings,
): Promise<Proof | undefined> {
  const named = tokenFile ?? (environment['BONDED_TOKEN_FILE'] || undefined);
  const path = named === undefined ? projected : resolve(named);
  const token = await readTokenFile(path);
  if (token !== undefined) return { token, who: `whoever the token in ${path} is of`, found: { tokenFile: path } };
  if (named === undefined) return undefined;
  throw new Error(`there is no ${path}; it must hold a token, which a projected volume of the pod puts there`);
}
