import type { Grant, Policy } from '../access/index.ts';
import { armKey } from '../operations/index.ts';
import type { RegistryFacts } from '../registries/index.ts';
import type { TrustedIssuer } from './federation/index.ts';

/** A managed identity (design §5). */
export interface IdentityFacts {
  principalId: string;
  name: string;
  enabled: boolean;
}

/** Says which tokens of an issuer are an identity. */
export interface FederatedCredential {
  /** ARM id. */
  id: string;
  identity: IdentityFacts;
  issuer: string;
  audiences: readonly string[];
  subject: string | undefined;
  claims: Readonly<Record<string, string>>;
  /** Another one whenever it says anything else. */
  mark: string;
}

/** A repository-scoped token (acr §2.5). */
export interface TokenFacts {
  name: string;
  registryId: number;
  enabled: boolean;
  grants: readonly Grant[];
}

/**
 * All that decides who somebody is and what they may do, as it was at one stamp of the resources. Each process holds one,
 * and replaces it when anything changed; nothing on the way of a request asks the database.
 */
export interface Directory {
  readonly policy: Policy;
  readonly issuers: readonly TrustedIssuer[];
  readonly registries: readonly RegistryFacts[];
  /** The same object for as long as issuers, identities and federated credentials are the same. */
  readonly vouching: object;
  registry(id: number): RegistryFacts | undefined;
  /** By the key of its resource. */
  registryAt(key: string): RegistryFacts | undefined;
  identity(principalId: string): IdentityFacts | undefined;
  credential(id: string): FederatedCredential | undefined;
  /** Federated credentials for tokens of one issuer. */
  credentialsOf(issuer: string): readonly FederatedCredential[];
  token(registryId: number, name: string): TokenFacts | undefined;
  readonly identities: readonly IdentityFacts[];
  readonly credentials: readonly FederatedCredential[];
  readonly tokens: readonly TokenFacts[];
  /** Told which assignment allowed something, by its id; keeps it in memory. */
  used(assignment: string): void;
}

export interface DirectorySource {
  /** See `Directory`. */
  vouching?: object;
  policy: Policy;
  issuers: readonly TrustedIssuer[];
  registries: readonly RegistryFacts[];
  identities: readonly IdentityFacts[];
  credentials: readonly FederatedCredential[];
  tokens: readonly TokenFacts[];
  used?: Directory['used'];
}

export function createDirectory(source: DirectorySource): Directory {
  const registries = new Map(source.registries.map((registry) => [registry.id, registry]));
  const byKey = new Map(source.registries.map((registry) => [armKey(registry.resourceId), registry]));
  const identities = new Map(source.identities.map((identity) => [identity.principalId, identity]));
  const byId = new Map(source.credentials.map((credential) => [credential.id.toLowerCase(), credential]));
  const byIssuer = Map.groupBy(source.credentials, ({ issuer }) => issuer);
  const tokens = new Map(source.tokens.map((token) => [keyOf(token.registryId, token.name), token]));
  return {
    policy: source.policy,
    issuers: source.issuers,
    registries: source.registries,
    vouching: source.vouching ?? {},
    registry: (id) => registries.get(id),
    registryAt: (key) => byKey.get(key),
    identity: (principalId) => identities.get(principalId),
    credential: (id) => byId.get(id.toLowerCase()),
    credentialsOf: (issuer) => byIssuer.get(issuer) ?? [],
    token: (registryId, name) => tokens.get(keyOf(registryId, name)),
    identities: source.identities,
    credentials: source.credentials,
    tokens: source.tokens,
    used: source.used ?? (() => {}),
  };
}

/** Names of tokens are compared as ARM compares names. */
const keyOf = (registryId: number, name: string) => `${registryId}/${name.toLowerCase()}`;
