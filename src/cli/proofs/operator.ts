import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readOperatorKey, signOperatorToken } from '../../keys/index.ts';
import type { Proof, ProofRequest, Surroundings } from './proof.ts';

/** Whoever can read the data directory of the server is its operator; only a server on this machine is believed to be it. */
export async function operatorProof(request: ProofRequest, surroundings: Surroundings): Promise<Proof | undefined> {
  const { registry, data: named } = request;
  const data = resolve(named ?? surroundings.environment['BONDED_DATA'] ?? './data');
  if (named === undefined && !(registry.isHere && (await isThere(join(data, 'keys', 'operator.jwk')))))
    return undefined;
  const key = await readOperatorKey(data);
  const token = signOperatorToken(key, { audience: registry.authority, now: surroundings.now });
  return { token, who: `the operator of the server with the data in ${data}`, found: { data } };
}

/** Also where it may not be read: then there is something to be told. */
async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'EACCES',
  );
}
