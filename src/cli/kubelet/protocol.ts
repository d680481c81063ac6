import { z } from 'zod';

/** credentialprovider.kubelet.k8s.io/v1 (KEP-2133); with the token of the pod's service account, KEP-4412. */
export const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';

const providerRequest = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('CredentialProviderRequest'),
  image: z.string().min(1).max(4096),
  serviceAccountToken: z.string().max(65_536).optional(),
  serviceAccountAnnotations: z.record(z.string(), z.string()).optional(),
});

export type ProviderRequest = z.output<typeof providerRequest>;

/** Reads what the kubelet writes. Throws an Error that says what it should be, and never what it is. */
export function readProviderRequest(text: string): ProviderRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('standard input is no JSON; the kubelet writes a CredentialProviderRequest there');
  }
  const { data } = providerRequest.safeParse(value);
  if (data) return data;
  throw new Error(
    `standard input is no CredentialProviderRequest of ${apiVersion}; set this apiVersion for the provider`,
  );
}

/** The host of an image as Kubernetes reads it. Throws an Error where it is of Docker Hub, which has none. */
export function hostOfImage(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  if (!isHost) throw new Error('the image names no registry; list only your registry in matchImages');
  return first.toLowerCase();
}

/** What the kubelet reads: a user and a password for one registry, and how long they may be used (ms). */
export function providerResponse(
  host: string,
  { username, password }: { username: string; password: string },
  cacheMs: number,
): string {
  return JSON.stringify({
    kind: 'CredentialProviderResponse',
    apiVersion,
    cacheKeyType: 'Registry',
    cacheDuration: `${Math.floor(cacheMs / 1000)}s`,
    auth: { [host]: { username, password } },
  });
}
