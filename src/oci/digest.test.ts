import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { RegistryError } from '../errors/index.ts';
import { digestAlgorithm, digestHex, digestOf, parseAlgorithm, parseDigest, requireDigest } from './digest.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 2_000);
const timeout = 5_000 + numRuns;
const pattern = /^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const digestLike = fc
  .tuple(
    fc.constantFrom('sha256', 'sha512', 'sha384', 'SHA256', ''),
    fc.constantFrom(':', '-', ''),
    fc.constantFrom(0, 63, 64, 65, 128),
  )
  .chain(([algorithm, separator, length]) => hex(length).map((digits) => algorithm + separator + digits))
  .chain((digest) =>
    fc.oneof(
      fc.constant(digest),
      // One character changed, somewhere.
      fc
        .tuple(fc.nat(digest.length), fc.string({ unit: fc.constantFrom(...'Gg/.\0\n%é'), minLength: 1, maxLength: 1 }))
        .map(([at, character]) => digest.slice(0, at) + character + digest.slice(at + 1)),
    ),
  );

describe('digests', () => {
  test(
    'lesson 57: exactly sha256 and sha512 with their length of lowercase hex are digests',
    () => {
      const check = (value: string) => {
        expect(parseDigest(value)).toBe(pattern.test(value) ? (value as never) : undefined);
      };
      fc.assert(fc.property(fc.oneof(digestLike, fc.string({ unit: 'binary' })), check), { numRuns });
    },
    timeout,
  );

  test('lesson 57: no digest can leave the directory that it is made a path of', () => {
    const good = `sha256:${'0'.repeat(64)}`;
    for (const value of [
      `${good}\n`,
      ` ${good}`,
      `${good.slice(0, 68)}../`,
      `sha256:${'../'.repeat(21)}a`,
      good.replace(':', '%3a'),
    ]) {
      expect(parseDigest(value)).toBeUndefined();
    }
  });

  test('the digest of content parses, and knows its parts', () => {
    const check = (bytes: Uint8Array, algorithm: 'sha256' | 'sha512') => {
      const digest = digestOf(bytes, algorithm);
      expect(parseDigest(digest)).toBe(digest);
      expect(`${digestAlgorithm(digest)}:${digestHex(digest)}`).toBe(digest);
    };
    fc.assert(fc.property(fc.uint8Array(), fc.constantFrom('sha256', 'sha512'), check), { numRuns: 100 });
    expect(digestOf('{}')).toBe('sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
  });

  test('a malformed digest is refused with a printable part of it', () => {
    try {
      requireDigest(`sha256:${'x'.repeat(10_000)}`);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RegistryError);
      expect(error).toMatchObject({ code: 'DIGEST_INVALID', status: 400 });
      expect(((error as RegistryError).detail as { digest: string }).digest).toHaveLength(160);
    }
  });

  test('other algorithms are not supported', () => {
    expect(['sha256', 'sha512', 'sha384', 'md5', 'SHA256', ''].map(parseAlgorithm)).toEqual([
      'sha256',
      'sha512',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
