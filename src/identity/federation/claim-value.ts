import type { Claims } from './read-token.ts';

/**
 * A claim by its name, or by the JSON pointer (RFC 6901) of what is inside of one: `/kubernetes.io/namespace`,
 * `/https:~1~1sts.amazonaws.com~1/aws_account`. Undefined where there is none.
 */
export function claimValue(claims: Claims, name: string): unknown {
  if (!name.startsWith('/')) return own(claims, name);
  let value: unknown = claims;
  for (const part of name.slice(1).split('/')) value = own(value, part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return value;
}

function own(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null || Array.isArray(holder)) return undefined;
  return Object.hasOwn(holder, name) ? (holder as Claims)[name] : undefined;
}

/** A claim that is a text; undefined for any other. */
export function textClaim(claims: Claims, name: string): string | undefined {
  const value = claimValue(claims, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A claim as texts: of a text, number or boolean one, of a list those that are in it. Objects are none. */
export function claimTexts(claims: Claims, name: string): string[] {
  return [claimValue(claims, name)].flat().flatMap((value) => {
    if (typeof value === 'string') return [value];
    return typeof value === 'number' || typeof value === 'boolean' ? [String(value)] : [];
  });
}
