import { z } from 'zod';

/** One thing that an access token grants (acr §2.2). */
const accessEntry = z.object({
  type: z.string().max(64),
  name: z.string().max(256),
  actions: z.array(z.string().max(64)).max(16),
  /** The id of the repository, where there was one: its name may come back with another (lesson 24). */
  gen: z.int().optional(),
});
export type AccessEntry = z.output<typeof accessEntry>;

/** Groups that a token of ours names at most. */
export const mostGroups = 500;

/** Who a token of ours was given to. What it may do is not in here: that is looked up, so that it can be taken away. */
const holder = z.object({
  kind: z.enum(['operator', 'identity', 'federated', 'token', 'admin', 'scanner', 'anonymous']),
  name: z.string().max(512),
  /** The issuer of the token that it was exchanged for, with what assignments to groups and claims look at. */
  issuer: z.string().max(512).optional(),
  /** What the trusted issuer said of its keys and audiences: when that changes, whom it vouched for has to come again. */
  trust: z.string().max(64).optional(),
  groups: z.array(z.string().max(256)).max(mostGroups).optional(),
  claims: z.record(z.string().max(128), z.unknown()).optional(),
  /** The federated credential that made it an identity, and what it said: when either goes, so do its tokens. */
  credential: z.object({ id: z.string().max(2048), mark: z.string().max(64) }).optional(),
  /** The password that it was given for, the same way. */
  password: z.string().max(64).optional(),
  /** The one image that a scanner may read. It stays in whatever this token is exchanged for. */
  image: z.object({ repository: z.string().max(255), digest: z.string().max(140) }).optional(),
});
export type Holder = z.output<typeof holder>;

/** Claims of the tokens that a registry gives out (acr §2.2); times in seconds since the epoch. */
const claims = z.object({
  jti: z.string().max(64),
  sub: z.string().max(2048),
  iss: z.string().max(512),
  aud: z.string().max(512),
  iat: z.int(),
  nbf: z.int(),
  exp: z.int(),
  version: z.literal('1.0'),
  grant_type: z.enum(['refresh_token', 'access_token']),
  /** The registry's id in the catalog, which never returns: the name of a deleted registry may. */
  rid: z.int(),
  /** The role assignment mode under which it was given: switching it ends all tokens (acr §2.6). */
  mode: z.string().max(64),
  /** Id of the way by which it was given, where that is not the public one: it is good by no other. */
  way: z.string().max(160).optional(),
  access: z.array(accessEntry).max(100).optional(),
  holder,
});
export type TokenClaims = z.output<typeof claims>;

/** The claims of one of our tokens; undefined where they are not what we write. */
export function readClaims(payload: unknown): TokenClaims | undefined {
  return claims.safeParse(payload).data;
}
