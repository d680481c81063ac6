import type { DirectCaller } from '../../outbound/index.ts';
import type { RegistryAddress } from '../registry-address.ts';

/** What tells a person something, on standard error, while standard output is for programs. */
export type Say = (text: string) => void;

/** What a proof is looked for in. */
export interface Surroundings {
  environment: Readonly<Record<string, string | undefined>>;
  call: DirectCaller;
  /** Origins of the servers of metadata that clouds have at an address of their own; undefined: they are not asked. */
  metadata: { azure: string; aws: string; google: string } | undefined;
  say: Say;
  now(): number;
}

/** How somebody wants to prove who they are. */
export interface ProofRequest {
  registry: RegistryAddress;
  /** What the token is to be for; undefined: what is usual for the method. */
  audience?: string | undefined;
  /** Data directory of the server. */
  data?: string | undefined;
  /** File with a token. */
  tokenFile?: string | undefined;
  issuer?: string | undefined;
  clientId?: string | undefined;
  tenantId?: string | undefined;
  /** Of OAuth 2, separated by spaces. */
  scope?: string | undefined;
}

/** A token that proves who somebody is, and in what words to say that. */
export interface Proof {
  token: string;
  who: string;
  /** What has to be known, beside the request, to find it again. */
  found?: Pick<ProofRequest, 'data' | 'tokenFile'>;
}

/**
 * One way to a proof. Resolves with undefined where there is nothing of the kind here; throws an Error that says what to do
 * where there is, and it is of no use.
 */
export type FindProof = (request: ProofRequest, surroundings: Surroundings) => Promise<Proof | undefined>;
