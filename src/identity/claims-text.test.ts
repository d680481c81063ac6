import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Caller } from './caller.ts';
import { readClaims } from './claims.ts';
import { accessClaims, closeClaims, writeClaims } from './claims-text.ts';
import type { TokenDoor } from './identify.ts';

const numRuns = Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 100), 2000);
const times = { iat: 1_795_000_000, exp: 1_795_004_500 };
const mode = 'AbacRepositoryPermissions';

const door: TokenDoor = {
  registryId: 1,
  origin: 'https://registry.test',
  service: 'registry.test',
  host: 'registry.test',
  way: 'public',
};
const callerOf = (more: Partial<Caller> = {}): Caller => ({
  registryId: 1,
  kind: 'identity',
  via: 'refresh_token',
  id: 'somebody',
  holder: { kind: 'identity', name: 'somebody' },
  grant: undefined,
  tokenId: 'shown',
  mode,
  endedAt: undefined,
  until: times.exp * 1000,
  ...more,
});

/** Claims that were written, as they are read. */
const read = (claims: ReturnType<typeof writeClaims>, access?: string) => {
  const { id, text } = claims.open(times);
  const json = closeClaims(text, access);
  return { id, json, claims: JSON.parse(json) as Record<string, unknown> };
};

test('claims are written as JSON.stringify writes them, whoever they are of and wherever they are given', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  const holders = fc.record(
    {
      kind: fc.constantFrom('identity' as const, 'federated' as const),
      name: text,
      issuer: text,
      groups: fc.array(text, { maxLength: 3 }),
      claims: fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
    },
    { requiredKeys: ['kind', 'name'] },
  );
  const doors = fc.record({ origin: text, service: text, way: fc.oneof(fc.constant('public'), text) });
  const entries = fc.array(fc.record({ type: text, name: text, actions: fc.array(text, { maxLength: 2 }) }));
  fc.assert(
    fc.property(text, holders, doors, fc.option(entries, { nil: undefined }), (id, holder, where, access) => {
      const kind = access ? 'access_token' : 'refresh_token';
      const written = writeClaims({ ...door, ...where }, callerOf({ id, holder }), mode, kind);
      const { json, claims, id: jti } = read(written, access && JSON.stringify(access));
      expect(json).toBe(JSON.stringify(claims));
      expect(claims).toEqual(
        JSON.parse(
          JSON.stringify({
            jti,
            sub: id,
            iss: where.origin,
            aud: where.service,
            iat: times.iat,
            nbf: times.iat - 60,
            exp: times.exp,
            version: '1.0',
            grant_type: kind,
            rid: 1,
            mode,
            ...(where.way !== 'public' && { way: where.way }),
            holder,
            access,
          }),
        ),
      );
    }),
    { numRuns },
  );
});

test('what is written is what is read, and each has an id of its own', () => {
  const claims = writeClaims(door, callerOf(), mode, 'refresh_token');
  const [one, other] = [read(claims), read(claims)];
  expect(readClaims(one.claims)).toMatchObject({ jti: one.id, sub: 'somebody', mode });
  expect(one.id).not.toBe(other.id);
});

test('what was written for a caller at a door is used again there, and nowhere else', () => {
  const caller = callerOf();
  const first = accessClaims(door, caller, mode);
  expect(accessClaims({ ...door }, caller, mode)).toBe(first);
  const elsewhere: [Partial<TokenDoor>, string][] = [
    [{ origin: 'http://registry.test' }, mode],
    [{ service: 'other.test' }, mode],
    [{ way: 'link:7' }, mode],
    [{ registryId: 2 }, mode],
    [{}, 'LegacyRegistryPermissions'],
  ];
  for (const [where, how] of elsewhere) {
    const other = accessClaims({ ...door, ...where }, caller, how);
    expect(other).not.toBe(first);
    const { registryId, origin, service, way } = { ...door, ...where };
    expect(read(other, '[]').claims).toMatchObject({ rid: registryId, iss: origin, aud: service, mode: how });
    expect(read(other, '[]').claims['way']).toBe(way === 'public' ? undefined : way);
  }
  // Another one who looks the same has nothing of it, and one who is somebody else is written as such.
  expect(accessClaims(door, callerOf(), mode)).not.toBe(accessClaims(door, callerOf(), mode));
  const others = callerOf({ id: 'another', holder: { kind: 'identity', name: 'another' } });
  expect(read(accessClaims(door, others, mode), '[]').claims).toMatchObject({
    sub: 'another',
    holder: { name: 'another' },
  });
});
