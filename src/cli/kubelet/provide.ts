import type { Context } from '../context.ts';
import { exchangeToken, nullUser } from '../exchange.ts';
import { ambient } from '../proofs/find-proof.ts';
import { readTokenFile } from '../proofs/token-file.ts';
import type { Surroundings } from '../proofs/proof.ts';
import { readInput } from '../read-input.ts';
import { type RegistryAddress, registryAddress } from '../registry-address.ts';
import { surroundingsOf } from '../surroundings.ts';
import type { KubeletFlags } from './flags.ts';
import { hostOfImage, providerResponse, readProviderRequest } from './protocol.ts';

const maxInputBytes = 1024 * 1024;

/** Longest time that the kubelet may use a login again (ms), and how long before its end it stops. */
const longestCacheMs = 3_600_000;
const marginMs = 120_000;

/** Answers the kubelet once. Throws an Error for its log. */
export async function provideCredentials(context: Context, flags: KubeletFlags): Promise<void> {
  const request = readProviderRequest(await readInput(context.process.stdin, maxInputBytes));
  const host = hostOfImage(request.image);
  const surroundings = surroundingsOf(context, flags.ca);
  const { serviceAccountToken: podToken, serviceAccountAnnotations: annotations = {} } = request;
  // Whoever writes a service account says by it where its own token goes, and nobody else's.
  const named = podToken === undefined ? undefined : annotations[flags.hostAnnotation];
  const registry = registryAddress(named ?? host, flags);
  const token = podToken ?? (await nodeToken(registry, flags, surroundings));
  const { token: password, expiresAt } = await exchangeToken(surroundings.call, registry, token);
  const left = expiresAt === undefined ? 0 : expiresAt - surroundings.now() - marginMs;
  const cacheMs = Math.max(0, Math.min(longestCacheMs, left));
  context.write(providerResponse(host, { username: nullUser, password }, cacheMs));
}

/** What the node itself is, for kubelets that send no token of the pod. */
async function nodeToken(
  registry: RegistryAddress,
  { tokenFile, node, audience }: KubeletFlags,
  surroundings: Surroundings,
): Promise<string> {
  if (tokenFile !== undefined) {
    const token = await readTokenFile(tokenFile);
    if (token !== undefined) return token;
    throw new Error(`there is no ${tokenFile}, which --token-file names`);
  }
  const proof = node === undefined ? undefined : await ambient[node]({ registry, audience }, surroundings);
  if (proof) return proof.token;
  throw new Error(
    node === undefined
      ? 'the kubelet sent no token of a service account; set tokenAttributes for this provider, or give --token-file or --node'
      : `the node has no identity of ${node}`,
  );
}
