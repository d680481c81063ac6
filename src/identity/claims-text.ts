import { randomUUID } from 'node:crypto';
import { publicWay } from '../exchange/index.ts';
import type { Caller } from './caller.ts';
import type { TokenClaims } from './claims.ts';
import type { TokenDoor } from './identify.ts';

/** When a token is given, and when it ends (seconds since the epoch). */
export interface Times {
  iat: number;
  exp: number;
}

/**
 * Writes the claims of tokens (`TokenClaims`) as JSON: what is the same in all tokens of one kind that a caller gets at a
 * door is written once, and what differs is an id, times and what the token is for.
 */
export interface ClaimsText {
  /** Claims without `access`, and the `jti` in them. The end of the object is missing. */
  open(times: Times): { id: string; text: string };
}

/** The object of claims from its beginning, and of what the token is for, as JSON: of a refresh token undefined. */
export function closeClaims(text: string, access: string | undefined): string {
  return access === undefined ? `${text}}` : `${text},"access":${access}}`;
}

/** What was written for a caller, and where, and when. */
interface Written extends Pick<TokenDoor, 'registryId' | 'origin' | 'service' | 'way'> {
  mode: string;
  claims: ClaimsText;
}

/** Of access tokens: whoever gets one mostly gets many. One of each caller, so it goes with the caller. */
const written = new WeakMap<Caller, Written>();

/** As `writeClaims` of access tokens, and what was written before where it would be the same. */
export function accessClaims(door: TokenDoor, caller: Caller, mode: string): ClaimsText {
  const before = written.get(caller);
  if (before && before.mode === mode && isSameDoor(before, door)) return before.claims;
  const { registryId, origin, service, way } = door;
  const claims = writeClaims(door, caller, mode, 'access_token');
  written.set(caller, { registryId, origin, service, way, mode, claims });
  return claims;
}

function isSameDoor(one: Written, other: TokenDoor): boolean {
  return (
    one.origin === other.origin &&
    one.service === other.service &&
    one.registryId === other.registryId &&
    one.way === other.way
  );
}

/** `mode`: the role assignment mode of the registry. */
export function writeClaims(
  { registryId, origin, service, way }: TokenDoor,
  { id: subject, holder }: Caller,
  mode: string,
  grantType: TokenClaims['grant_type'],
): ClaimsText {
  const whom = bare({ sub: subject, iss: origin, aud: service });
  const what = bare({
    version: '1.0',
    grant_type: grantType,
    rid: registryId,
    mode,
    ...(way !== publicWay.id && { way }),
    holder,
  } satisfies Partial<TokenClaims>);
  return {
    open({ iat, exp }) {
      const id = randomUUID();
      // Not before: of another node's clock.
      const text = `{"jti":"${id}",${whom},"iat":${iat},"nbf":${iat - 60},"exp":${exp},${what}`;
      return { id, text };
    },
  };
}

/** The members of an object, as JSON. */
const bare = (members: object) => JSON.stringify(members).slice(1, -1);
