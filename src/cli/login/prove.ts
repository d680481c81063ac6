import { exchangeToken, type RefreshToken, RegistryUnreachable } from '../exchange.ts';
import { ambient, type AmbientMethod } from '../proofs/find-proof.ts';
import type { FindProof, Proof, ProofRequest, Surroundings } from '../proofs/proof.ts';

/** Somebody whom the registry knows now. */
export interface Session {
  method: string;
  proof: Proof;
  refresh: RefreshToken;
}

/** Proves by one method. Throws an Error that says what is missing. */
export async function proveBy(
  [method, find]: readonly [string, FindProof],
  request: ProofRequest,
  surroundings: Surroundings,
): Promise<Session | undefined> {
  const proof = await find(request, surroundings);
  if (!proof) return undefined;
  return { method, proof, refresh: await exchangeToken(surroundings.call, request.registry, proof.token) };
}

/**
 * Proves by the first method that needs no person and that the registry accepts. Resolves with undefined where there is
 * none of them, and throws an Error with all that was tried where there is.
 */
export async function proveByAny(request: ProofRequest, surroundings: Surroundings): Promise<Session | undefined> {
  const failures: string[] = [];
  for (const method of Object.keys(ambient) as AmbientMethod[]) {
    try {
      const session = await proveBy([method, ambient[method]], request, surroundings);
      if (session) return session;
    } catch (error) {
      // A registry that cannot be spoken to is not tried again.
      if (error instanceof RegistryUnreachable) throw error;
      failures.push(`${method}: ${(error as Error).message}`);
    }
  }
  if (failures.length === 0) return undefined;
  if (failures.length === 1) throw new Error(failures[0]!.replace(/^[a-z-]+: /, ''));
  throw new Error(`nothing that was tried is accepted:\n  ${failures.join('\n  ')}\n--method chooses one of them`);
}
