import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { processorMs } from '../../test/support/processor.ts';
import { compileActionPattern, compileWildcard } from './wildcard.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 2_000);
const timeout = 5_000 + numRuns;

describe('wildcards', () => {
  test(
    'match what the same regular expression matches',
    () => {
      const characters = fc.constantFrom(...'ab*.?\\/');
      const pattern = fc.string({ unit: characters, maxLength: 8 });
      const text = fc.string({ unit: fc.constantFrom(...'ab.*?\\/'), maxLength: 10 });
      const likeExpression = (from: string) =>
        from.replaceAll(/\\[*?]|[^]/g, (piece) => {
          if (piece.length === 2) return `\\${piece[1]}`;
          if (piece === '*') return '[^]*';
          return piece === '?' ? '[^]' : piece.replace(/[\\.]/, String.raw`\$&`);
        });
      fc.assert(
        fc.property(pattern, text, (from, value) => {
          const plain = from.replaceAll(/[\\.?]/g, String.raw`\$&`).replaceAll('*', '[^]*');
          expect(compileWildcard(from)(value)).toBe(new RegExp(`^${plain}$`).test(value));
          const like = new RegExp(`^${likeExpression(from)}$`).test(value);
          expect(compileWildcard(from, { like: true })(value)).toBe(like);
        }),
        { numRuns },
      );
    },
    timeout,
  );

  test('case counts, but not in names of actions', () => {
    expect(compileWildcard('Team*')('team1')).toBe(false);
    expect(compileActionPattern('Microsoft.X/*/Read')('microsoft.x/y/z/READ')).toBe(true);
  });

  test('a hostile pattern costs no more than the product of the lengths', () => {
    const pattern = `${'*a'.repeat(500)}b`;
    const needed = processorMs(() => compileWildcard(pattern)('a'.repeat(4_000)));
    expect(needed).toBeLessThan(1_000);
  });
});
