import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Condition, formatCondition, type Operator, type Quantifier, quantifiers } from './condition.ts';
import { compileCondition } from './condition-evaluation.ts';
import { parseCondition } from './condition-parser.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 2_000);
const timeout = 10_000 + numRuns;

const actions = ['X/repositories/content/read', 'X/repositories/content/write', 'X/pull/read'];
const names = ['team', 'team/app', 'team/app/x', 'web', 'a'];
const values = fc.constantFrom(...names, 'team/', 'Team/', '*', 'team/*', 't?am', 'TEAM/APP', '');
const operator = fc.record<Operator>({
  comparison: fc.constantFrom('StringEquals', 'StringStartsWith', 'StringLike'),
  negated: fc.boolean(),
  ignoreCase: fc.boolean(),
});
const quantifier = fc.constantFrom(...(Object.keys(quantifiers) as Quantifier[]));
const compare: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ kind: fc.constant('compare' as const), operator, values: fc.tuple(values) }),
  fc.record({
    kind: fc.constant('compare' as const),
    operator,
    quantifier,
    values: fc.array(values, { minLength: 1, maxLength: 3 }),
  }),
);
const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    compare,
    fc.record({ kind: fc.constant('action' as const), pattern: fc.constantFrom(...actions, '*', 'x/*/READ') }),
    fc.record({ kind: fc.constant('suboperation' as const), name: fc.constant('Blob.List') }),
    fc.record({ kind: fc.constant('not' as const), part: tie('condition') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      parts: fc.array(tie('condition'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}));

test(
  'every condition is read as it was written',
  () => {
    fc.assert(
      fc.property(condition, (one) => expect(parseCondition(formatCondition(one))).toEqual(one)),
      { numRuns },
    );
  },
  timeout,
);

test(
  'evaluation agrees with one that tries both answers for what is open',
  () => {
    const repository = fc.option(fc.constantFrom(...names), { nil: undefined });
    fc.assert(
      fc.property(condition, fc.subarray(actions, { minLength: 1 }), repository, (one, asked, name) => {
        const truth = compileCondition(one)(asked, name);
        if (name !== undefined) expect(truth).toBe(naive(one, asked, name));
        // What is said without a repository holds for each.
        else if (truth !== undefined) for (const any of names) expect(naive(one, asked, any)).toBe(truth);
      }),
      { numRuns },
    );
  },
  timeout,
);

/** Two-valued, by regular expressions and sets. */
function naive(one: Condition, asked: readonly string[], name: string): boolean {
  switch (one.kind) {
    case 'and':
      return !one.parts.some((part) => !naive(part, asked, name));
    case 'or':
      return one.parts.some((part) => naive(part, asked, name));
    case 'not':
      return !naive(one.part, asked, name);
    case 'suboperation':
      return false;
    case 'action': {
      const pattern = new RegExp(`^${one.pattern.replaceAll('*', '.*')}$`, 'i');
      return asked.some((action) => pattern.test(action));
    }
    case 'compare': {
      const results = one.values.map((value) => compares(one.operator, value, name));
      return one.quantifier?.endsWith('AllValues') ? results.every(Boolean) : results.some(Boolean);
    }
  }
}

function compares({ comparison, negated, ignoreCase }: Operator, value: string, name: string): boolean {
  const plain = value.replaceAll(/[*?]/g, String.raw`\$&`);
  const like = value.replaceAll('*', '.*').replaceAll('?', '.');
  const source = { StringEquals: `^${plain}$`, StringStartsWith: `^${plain}`, StringLike: `^${like}$` }[comparison];
  return new RegExp(source, ignoreCase ? 'i' : '').test(name) !== negated;
}
