import { describe, expect, test } from 'bun:test';
import { createHmac, sign } from 'node:crypto';
import fc from 'fast-check';
import { decodeJwt, exportJWK, importJWK, jwtVerify, SignJWT } from 'jose';
import { encodeJson } from './base64url.ts';
import { makeEcKey } from './ec-key.ts';
import { type JwsResult, maxTokenLength, signerOf, signJsonAside, signJws, verifierOf, verifyJws } from './jws.ts';

const numRuns = Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 100), 2000);

const ours = makeEcKey();
const theirs = makeEcKey();
const signer = signerOf(ours.kid, ours.privateKey);
const keyOf = (kid: string) => (kid === ours.kid ? verifierOf(ours.publicKey) : undefined);
const verified = (token: string, typ?: string) => verifyJws(token, keyOf, { typ });
const reason = (token: string, typ?: string) => reasonOf(verified(token, typ));
const reasonOf = (result: JwsResult) => (result.ok ? 'verified' : result.reason);

const good = signJws(signer, { sub: 'somebody' });
const [goodHeader, goodPayload, goodSignature] = good.split('.') as [string, string, string];

/** Signed with a key of ours, whatever the header says. */
function signedWith(header: object | string, payload: object | string = { sub: 'somebody' }, key = ours): string {
  const encode = (part: object | string) =>
    typeof part === 'string' ? Buffer.from(part).toString('base64url') : encodeJson(part);
  const input = `${encode(header)}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const header = { alg: 'ES256', typ: 'JWT', kid: ours.kid };

test('what was signed here is verified here, and says by which key and of which type it is', () => {
  expect(verified(good)).toEqual({ ok: true, kid: ours.kid, typ: 'JWT', claims: { sub: 'somebody' } });
  expect(verified(signedWith(header))).toMatchObject({ ok: true });
  expect(reason(signedWith({ alg: 'ES256', kid: ours.kid }))).toBe('verified');
});

test('of many that another thread signs at once, each gets its own', async () => {
  const subjects = Array.from({ length: 300 }, (_, n) => `somebody-${n}-${'x'.repeat(n)}`);
  const tokens = subjects.map((sub) => signJsonAside(signer, JSON.stringify({ sub })));
  // What is signed here meanwhile has its claims encoded where those had theirs.
  expect(verified(signJws(signer, { sub: 'somebody else' }))).toMatchObject({ ok: true });
  const found = (await Promise.all(tokens)).map((token) => verified(token));
  expect(found).toEqual(subjects.map((sub) => ({ ok: true, kid: ours.kid, typ: 'JWT', claims: { sub } })));
});

test('what would be longer than anybody reads is refused to who asked for it, and to nobody else', async () => {
  const json = JSON.stringify({ sub: 'x'.repeat(maxTokenLength) });
  const told = await Promise.allSettled([json, '{}', json].map((claims) => signJsonAside(signer, claims)));
  expect(told.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
  expect(told[0]).toMatchObject({ reason: expect.any(RangeError) });
});

describe('refuses', () => {
  test('alg none, in any case, with and without a signature', () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, ['ES256'], undefined, 'ES384', 'es256']) {
      const [unsigned] = [`${encodeJson({ ...header, alg })}.${goodPayload}`];
      expect(reason(`${unsigned}.${goodSignature}`)).toBe('algorithm');
      expect(reason(signedWith({ ...header, alg }))).toBe('algorithm');
      expect(reason(`${unsigned}.`)).toBe('format');
    }
  });

  test('HS256 with the public key as the secret', () => {
    const pem = ours.publicKey.export({ format: 'pem', type: 'spki' });
    const der = ours.publicKey.export({ format: 'der', type: 'spki' });
    const jwk = JSON.stringify(ours.publicJwk);
    for (const secret of [pem, der, jwk]) {
      for (const alg of ['HS256', 'ES256']) {
        const input = `${encodeJson({ ...header, alg })}.${goodPayload}`;
        const mac = createHmac('sha256', secret).update(input).digest('base64url');
        expect(reason(`${input}.${mac}`)).toBe(alg === 'HS256' ? 'algorithm' : 'signature');
      }
    }
  });

  test('a key that the token brings along or points at, and what we do not understand', () => {
    const url = 'https://attacker.example/jwks.json';
    const brought = {
      jwk: theirs.publicJwk,
      jku: url,
      x5u: url,
      x5c: ['MIIB'],
      crit: ['exp'],
      b64: false,
      zip: 'DEF',
      enc: 'A256GCM',
    };
    for (const [name, value] of Object.entries(brought)) {
      expect(reason(signedWith({ ...header, [name]: value }, {}, theirs))).toBe('header-member');
      // Also where we signed it ourselves.
      expect(reason(signedWith({ ...header, [name]: value }))).toBe('header-member');
    }
  });

  test('the key of another under our id, and the id of a key that is not here', () => {
    expect(reason(signedWith(header, {}, theirs))).toBe('signature');
    expect(reason(signedWith({ ...header, kid: theirs.kid }, {}, theirs))).toBe('unknown-kid');
  });

  test('a key id that is missing, no text, empty or long', () => {
    for (const kid of [undefined, null, 7, '', ['a'], 'k'.repeat(129)])
      expect(reason(signedWith({ ...header, kid }))).toBe('kid');
    expect(reason(signedWith({ ...header, kid: 'k'.repeat(128) }))).toBe('unknown-kid');
    expect(reason(signedWith({ ...header, kid: '__proto__' }))).toBe('unknown-kid');
  });

  test('another type than the one that was asked for', () => {
    expect(reason(good, 'JWT')).toBe('verified');
    for (const typ of ['jwt', 'refresh+jwt', '']) expect(reason(good, typ)).toBe('type');
    expect(reason(signedWith({ alg: 'ES256', kid: ours.kid }), 'JWT')).toBe('type');
    expect(reason(signedWith({ ...header, typ: 7 }))).toBe('type');
  });

  test('a signature that is cut, extended, empty, of zeros, in DER or of something else', () => {
    const bytes = Buffer.from(goodSignature, 'base64url');
    const der = sign('sha256', Buffer.from(`${goodHeader}.${goodPayload}`), ours.privateKey);
    const others = [
      bytes.subarray(0, 63),
      bytes.subarray(1),
      bytes.subarray(0, 32),
      Buffer.concat([bytes, Buffer.from([0])]),
      Buffer.concat([Buffer.from([0]), bytes]),
      Buffer.concat([bytes, bytes]),
      Buffer.alloc(64),
      Buffer.alloc(64, 0xff),
      der,
      Buffer.from(signJws(signer, { sub: 'somebody else' }).split('.')[2]!, 'base64url'),
    ];
    for (const other of others) {
      expect(reason(`${goodHeader}.${goodPayload}.${other.toString('base64url')}`)).toBe('signature');
    }
  });

  test('base64url that is not the one way to write the bytes', () => {
    // The last of 86 characters has four bits that say nothing.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(goodSignature.at(-1)!);
    const twin = goodSignature.slice(0, -1) + alphabet[last ^ 1]!;
    expect(Buffer.from(twin, 'base64url')).toEqual(Buffer.from(goodSignature, 'base64url'));
    for (const signature of [
      twin,
      `${goodSignature}=`,
      `${goodSignature}==`,
      ` ${goodSignature}`,
      `${goodSignature}\n`,
    ])
      expect(reason(`${goodHeader}.${goodPayload}.${signature}`)).toBe('format');
    for (const part of [`${goodHeader}=`, `${goodHeader} `, `${goodHeader}\u0000`, `é${goodHeader}`])
      expect(reason(`${part}.${goodPayload}.${goodSignature}`)).toBe('header');
    const plain = Buffer.from([...new Uint8Array(61).fill(0xfb)]).toString('base64url');
    expect(reason(`${goodHeader}.${goodPayload}.${plain.replaceAll('-', '+')}`)).toBe('format');
  });

  test('a member that comes twice, in header or payload', () => {
    const twice = `{"alg":"none","alg":"ES256","kid":"${ours.kid}"}`;
    expect(reason(signedWith(twice))).toBe('header');
    expect(reason(signedWith(`{"alg":"ES256","\\u0061lg":"ES256","kid":"${ours.kid}"}`))).toBe('header');
    expect(reason(signedWith(header, '{"sub":"a","sub":"b"}'))).toBe('payload');
    expect(reason(signedWith(header, '{"sub":"a","in":{"x":1,"x":1}}'))).toBe('payload');
  });

  test('what is no JSON object, in header or payload', () => {
    for (const text of ['', 'null', '7', '"x"', '[]', '{', '{}{}', '\uFEFF{}', ' {}', '['.repeat(500)]) {
      const encoded = Buffer.from(text).toString('base64url');
      expect(reason(`${encoded}.${goodPayload}.${goodSignature}`)).toBe(text === '' ? 'format' : 'header');
      if (text !== '') expect(reason(signedWith(header, text))).toBe('payload');
    }
    const invalid = Buffer.concat([Buffer.from('{"sub":"'), Buffer.from([0xff]), Buffer.from('"}')]).toString(
      'base64url',
    );
    expect(reason(`${invalid}.${goodPayload}.${goodSignature}`)).toBe('header');
    expect(reason(signedWith(header, '['.repeat(10_000)))).toBe('payload');
  });

  test('two, four and more parts, and nothing', () => {
    for (const token of [
      '',
      '.',
      '..',
      '...',
      'a.b',
      goodHeader,
      `${goodHeader}.${goodPayload}`,
      `${good}.`,
      `${good}.a`,
    ])
      expect(reason(token)).toBe('format');
    expect(reason(`.${goodPayload}.${goodSignature}`)).toBe('format');
    expect(reason('.'.repeat(maxTokenLength))).toBe('format');
  });

  test('a huge token without looking into it, and a long header', () => {
    expect(reason('a'.repeat(maxTokenLength + 1))).toBe('size');
    expect(reason(`${good}${'.'.repeat(50_000_000)}`)).toBe('size');
    expect(reason(signedWith({ ...header, typ: 'x'.repeat(1000) }))).toBe('header');
    expect(() => signJws(signer, { scope: 'x'.repeat(maxTokenLength) })).toThrow(RangeError);
  });

  test('a payload of which any character was changed', () => {
    for (let at = 0; at < goodPayload.length; at++) {
      const other = goodPayload[at] === 'A' ? 'B' : 'A';
      const changed = goodPayload.slice(0, at) + other + goodPayload.slice(at + 1);
      expect(reason(`${goodHeader}.${changed}.${goodSignature}`)).toBe('signature');
    }
  });
});

test('the longest token that is made is read', () => {
  const overhead = signJws(signer, { scope: '' }).length;
  const claims = { scope: 'x'.repeat(Math.floor(((maxTokenLength - overhead - 4) * 3) / 4)) };
  const token = signJws(signer, claims);
  expect(token.length).toBeWithin(maxTokenLength - 12, maxTokenLength + 1);
  expect(reason(token)).toBe('verified');
});

test('tokens of any claims: jose verifies what is signed here, and the other way round', async () => {
  const publicKey = await importJWK(ours.publicJwk, 'ES256');
  const privateKey = await importJWK(await exportJWK(ours.privateKey), 'ES256');
  const names = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((name) => !/^(?:exp|nbf|iat)$/.test(name));
  const claims = fc.dictionary(names, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 8 });
  await fc.assert(
    fc.asyncProperty(claims, async (made) => {
      const json = JSON.parse(JSON.stringify(made)) as Record<string, unknown>;
      const token = signJws(signer, made);
      const { payload } = await jwtVerify(token, publicKey, { algorithms: ['ES256'], typ: 'JWT' });
      expect(JSON.stringify(payload)).toBe(JSON.stringify(json));
      const foreign = await new SignJWT(made).setProtectedHeader(header).sign(privateKey);
      expect(verified(foreign)).toEqual({ ok: true, kid: ours.kid, typ: 'JWT', claims: decodeJwt(foreign) });
    }),
    { numRuns },
  );
});

test('no text makes it throw, and none but what was signed is verified', () => {
  const parts = fc.oneof(
    fc.constantFrom(goodHeader, goodPayload, goodSignature, ''),
    fc.base64String(),
    fc.string({ unit: 'binary' }),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 5 }), (chosen) => {
      const token = chosen.join('.');
      expect(verified(token).ok).toBe(token === good);
    }),
    { numRuns: numRuns * 10 },
  );
});
