import { exchangeToken, type RefreshToken, RegistryUnreachable } from '../exchange.ts';
import { ambient, type AmbientMethod } from '../proofs/find-proof.ts';
import type { FindProof, Proof, ProofRequest, Surroundings } from '../proofs/proof.ts';

/** Somebody whom the registry knows now. */
export interface Session {
  method: string;
  request: ProofRequest;
  proof: Proof;
  refresh: RefreshToken;
}

/** Proves by one method; undefined where there is nothing of the kind here. Throws an Error that says what is wrong. */
export async function proveBy(
  [method, find]: readonly [string, FindProof],
  request: ProofRequest,
  surroundings: Surroundings,
): Promise<Session | undefined> {
  const proof = await find(request, surroundings);
  if (!proof) return undefined;
  const refresh = await exchangeToken(surroundings.call, request.registry, proof.token);
  return { method, request, proof, refresh };
}

/**
 * Proves by the first method that needs no person and that the registry accepts. What is there and of no use is added to
 * `failures`, a line each. To a registry on this machine nobody proves that they are the machine, so that nothing is looked
 * for outside. Throws RegistryUnreachable.
 */
export async function proveByAny(
  request: ProofRequest,
  surroundings: Surroundings,
  failures: string[],
): Promise<Session | undefined> {
  const metadata = request.registry.isHere ? undefined : surroundings.metadata;
  for (const method of Object.keys(ambient) as AmbientMethod[]) {
    try {
      const session = await proveBy([method, ambient[method]], request, { ...surroundings, metadata });
      if (session) return session;
    } catch (error) {
      // A registry that cannot be spoken to is not tried again.
      if (error instanceof RegistryUnreachable) throw error;
      failures.push(`${(error as Error).message} (tried as ${method})`);
    }
  }
  return undefined;
}
