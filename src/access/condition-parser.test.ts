import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { RegistryError } from '../errors/index.ts';
import { type Condition, formatCondition } from './condition.ts';
import { conditionFor } from './condition-builder.ts';
import { compileCondition } from './condition-evaluation.ts';
import { maxConditionDepth, maxConditionNodes, parseCondition } from './condition-parser.ts';
import { maxConditionLength } from './condition-tokens.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 2_000);
const timeout = 10_000 + numRuns;

const read = 'Microsoft.ContainerRegistry/registries/repositories/content/read';
const name = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]';

/** The example of ACR's documentation, with its layout. */
const documented = `
(
 (
  !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'})
  AND
  !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/metadata/read'})
 )
 OR
 (
  @Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWithIgnoreCase 'team/'
 )
)
`;

function holds(text: string, repository: string | undefined, action = read) {
  return compileCondition(parseCondition(text))([action], repository);
}

describe('conditions', () => {
  test('the documented form bounds the actions it names, and leaves others alone', () => {
    expect(holds(documented, 'team/app')).toBe(true);
    expect(holds(documented, 'Team/app')).toBe(true);
    expect(holds(documented, 'teams/app')).toBe(false);
    expect(holds(documented, 'other', 'Microsoft.ContainerRegistry/registries/catalog/read')).toBe(true);
  });

  const cases: [string, matching: string[], others: string[]][] = [
    ["StringEquals 'team/app'", ['team/app'], ['team/ap', 'team/app2', 'Team/app']],
    ["StringEqualsIgnoreCase 'Team/App'", ['team/app'], ['team/ap']],
    ["StringNotEquals 'a'", ['b'], ['a']],
    ["StringNotEqualsIgnoreCase 'A'", ['b'], ['a']],
    ["StringStartsWith 'team/'", ['team/a', 'team/a/b'], ['team', 'teams']],
    ["StringStartsWithIgnoreCase 'TEAM/'", ['team/a'], ['team']],
    ["StringNotStartsWith 'team/'", ['other'], ['team/a']],
    ["StringNotStartsWithIgnoreCase 'TEAM/'", ['other'], ['team/a']],
    ["StringLike 'team/*-web'", ['team/a-web', 'team/a/b-web'], ['team/a', 'team/web']],
    ["StringLike 'a?c'", ['abc'], ['ac', 'abbc']],
    [String.raw`StringLike 'a\*c'`, ['a*c'], ['abc']],
    ["StringLikeIgnoreCase 'TEAM/*'", ['team/a'], ['team']],
    ["StringNotLike 'team/*'", ['a'], ['team/a']],
    ["StringNotLikeIgnoreCase 'TEAM/*'", ['a'], ['team/a']],
    ["ForAnyOfAnyValues:StringEquals {'a', 'b'}", ['a', 'b'], ['c']],
    ["ForAnyOfAnyValues:StringLike {'a/*', 'b'}", ['a/x', 'b'], ['a', 'c']],
    ["ForAnyOfAllValues:StringNotEquals {'a', 'b'}", ['c'], ['a', 'b']],
    ["ForAllOfAnyValues:StringStartsWith {'a', 'b'}", ['ax', 'bx'], ['c']],
    ["ForAllOfAllValues:StringNotLike {'a*', 'b*'}", ['c'], ['a', 'b1']],
  ];
  for (const [comparison, matching, others] of cases) {
    test(comparison, () => {
      for (const repository of matching) expect(holds(`${name} ${comparison}`, repository)).toBe(true);
      for (const repository of others) expect(holds(`${name} ${comparison}`, repository)).toBe(false);
    });
  }

  test('words and signs of logic mean the same, and space does not count', () => {
    const a = `${name} StringEquals 'a'`;
    const b = `${name} StringEquals 'b'`;
    expect(parseCondition(`${a} && ${b}`)).toEqual(parseCondition(`(${a})\n\tand\r\n(${b})`));
    expect(parseCondition(`${a} || ${b}`)).toEqual(parseCondition(`${a} OR ${b}`));
    expect(parseCondition(`!(${a})`)).toEqual(parseCondition(`NOT ${a}`));
  });

  test('wildcards of actions reach over slashes; suboperations there are none', () => {
    expect(holds("ActionMatches{'Microsoft.ContainerRegistry/*/READ'}", 'a')).toBe(true);
    expect(holds("ActionMatches{'Microsoft.ContainerRegistry/*/write'}", 'a')).toBe(false);
    expect(holds("SubOperationMatches{'x'}", 'a')).toBe(false);
  });

  test('where no repository is named, neither a comparison nor its negation is true', () => {
    const equals = `${name} StringEquals 'a'`;
    for (const text of [equals, `!(${equals})`, `${name} StringNotEquals 'a'`, `${equals} OR !(${equals})`]) {
      expect(holds(text, undefined)).toBeUndefined();
    }
    expect(holds(`ActionMatches{'*'} OR ${equals}`, undefined)).toBe(true);
    expect(holds(`!(ActionMatches{'*'}) AND ${equals}`, undefined)).toBe(false);
  });

  const malformed: [text: string, position: number, expected: string][] = [
    ['', 0, 'ActionMatches'],
    ['true', 0, 'ActionMatches'],
    [`${name} StringEquals a`, name.length + 14, 'single quotes'],
    [`${name} StringEquals {'a'}`, name.length + 14, 'single quotes'],
    [`${name} ForAnyOfAnyValues:StringEquals 'a'`, name.length + 32, '{'],
    [`${name} ForNone:StringEquals {'a'}`, name.length + 1, 'operator'],
    [`${name} NumericEquals 1`, name.length + 15, 'a word'],
    [`${name} StringMatches 'a'`, name.length + 1, 'operator'],
    ["@Resource[x:name] StringEquals 'a'", 0, '@Request'],
    ["@Request[x:name] StringEquals 'a'", 0, '@Request[Microsoft.ContainerRegistry/'],
    [`(${name} StringEquals 'a'`, name.length + 18, ')'],
    [`${name} StringEquals 'a')`, name.length + 17, 'AND, OR or the end'],
    [`${name} StringEquals 'a`, name.length + 14, "ends with '"],
    [`${name} StringEquals 'a\nb'`, name.length + 14, 'control'],
    ["ActionMatches{'a'} AND ActionMatches{'b'} OR ActionMatches{'c'}", 42, 'parentheses'],
    ["ActionMatches('a')", 13, '{'],
    ["ActionMatches{'a'} ActionMatches{'b'}", 19, 'AND, OR or the end'],
    ["actionmatches{'a'}", 0, 'ActionMatches'],
    ['AND', 0, 'ActionMatches'],
    ['/* */', 0, 'a word'],
  ];
  for (const [text, position, expected] of malformed) {
    test(`refused with its place: ${text}`, () => {
      const error = errorOf(text);
      expect(error).toMatchObject({ code: 'BAD_REQUEST', detail: { position } });
      expect((error!.detail as { expected: string }).expected).toContain(expected);
      expect(error!.message).toContain(expected);
    });
  }

  test('the message counts lines and columns from 1', () => {
    expect(errorOf("ActionMatches{'a'}\n AND\n  nonsense")?.message).toBe(
      'the condition is malformed at line 3, column 3: expected ActionMatches, SubOperationMatches, @Request[…], ' +
        'NOT or a parenthesis, found "nonsense"',
    );
  });

  test('length, depth and parts are bounded', () => {
    const one = "ActionMatches{'a'}";
    const nested = (depth: number) => `${'('.repeat(depth)}${one}${')'.repeat(depth)}`;
    expect(errorOf(nested(maxConditionDepth))).toBeUndefined();
    expect(errorOf(nested(maxConditionDepth + 1))?.message).toContain('levels');
    expect(errorOf(`${'!'.repeat(8_000)}${one}`)?.message).toContain('levels');
    expect(errorOf('('.repeat(8_000))?.message).toContain('levels');
    // A negation and what it negates, and the chain itself.
    const chain = (count: number) => Array.from({ length: count }, () => "!ActionMatches{''}").join('||');
    expect(errorOf(chain(249))).toBeUndefined();
    expect(errorOf(chain(250))?.message).toContain(`${maxConditionNodes} parts`);
    const padded = one + ' '.repeat(maxConditionLength - one.length);
    expect(errorOf(padded)).toBeUndefined();
    expect(errorOf(`${padded} `)?.message).toContain(`${maxConditionLength} characters`);
  });

  test(
    'any text is read or refused, and what is read can be written and read again',
    () => {
      const words = ['(', ')', '!', '{', '}', ',', "'", '&&', '||', ' AND ', ' OR ', 'NOT ', name, 'StringEquals'];
      const pieces = fc.constantFrom(...words, "ActionMatches{'a'}", " 'x' ", "{'a','b'}", ' ForAnyOfAnyValues:', '\\');
      const grammatical = fc.array(pieces, { maxLength: 14 }).map((list) => list.join(''));
      const mutated = fc
        .tuple(fc.nat(documented.length), fc.nat(8), fc.oneof(pieces, fc.string({ maxLength: 4 })))
        .map(([at, length, put]) => documented.slice(0, at) + put + documented.slice(at + length));
      const anything = fc.string({ unit: 'binary', maxLength: 40 });
      let read1 = 0;
      fc.assert(
        fc.property(fc.oneof(grammatical, mutated, anything), (text) => {
          let condition: Condition;
          try {
            condition = parseCondition(text);
          } catch (error) {
            expect(error).toBeInstanceOf(RegistryError);
            return;
          }
          read1++;
          expect(parseCondition(formatCondition(condition))).toEqual(condition);
        }),
        { numRuns },
      );
      expect(read1).toBeGreaterThan(numRuns / 100);
    },
    timeout,
  );
});

describe('conditions that are built', () => {
  test('are what the documentation writes', () => {
    const built = conditionFor({ repositories: ['team/*'], actions: ['content/read', 'metadata/read'] });
    expect(built).toBe(documented.trim());
    const exact = conditionFor({ repositories: ['team/app', 'web'], actions: ['content/read'] });
    expect(exact.split('\n').slice(6, 9)).toEqual([
      `  ${name} StringEqualsIgnoreCase 'team/app'`,
      '  OR',
      `  ${name} StringEqualsIgnoreCase 'web'`,
    ]);
  });

  test('bound all that a repository role may do where no action is named', () => {
    const built = conditionFor({ repositories: ['team/app'] });
    for (const action of ['content/read', 'content/write', 'content/delete', 'metadata/delete']) {
      const full = `Microsoft.ContainerRegistry/registries/repositories/${action}`;
      expect([holds(built, 'team/app', full), holds(built, 'team', full)]).toEqual([true, false]);
    }
  });

  test(
    'no name changes the meaning: it is a name, or it is refused',
    () => {
      const hostile = [
        "a' OR ActionMatches{'*'} OR 'a",
        "a'",
        'a)',
        '(a',
        'a*',
        '*/a',
        'a/*/b',
        '*',
        '/*',
        'A',
        'a b',
        '',
      ];
      for (const repository of hostile) {
        expect({ repository, code: refusalOf(repository) }).toEqual({ repository, code: expect.any(String) });
      }
      const unit = fc.constantFrom(...'ab/-_.*\'"(){}\\ \n!&|@[]:A\0');
      fc.assert(
        fc.property(fc.string({ unit, maxLength: 12 }), fc.string({ unit, maxLength: 12 }), (repository, asked) => {
          if (refusalOf(repository) !== undefined) return;
          const prefix = repository.endsWith('/*') ? repository.slice(0, -1) : undefined;
          const covers = prefix === undefined ? asked === repository : asked.startsWith(prefix);
          // Names of repositories are in lower case; what has others is compared without regard to it.
          if (asked === asked.toLowerCase())
            expect(holds(conditionFor({ repositories: [repository] }), asked)).toBe(covers);
          expect(holds(conditionFor({ repositories: [repository] }), `${prefix ?? repository}x`)).toBe(
            prefix !== undefined,
          );
        }),
        { numRuns },
      );
    },
    timeout,
  );

  test('nothing, no action and more than a condition holds are refused', () => {
    expect(() => conditionFor({ repositories: [] })).toThrow('names a repository');
    expect(() => conditionFor({ repositories: ['a'], actions: [] })).toThrow('names a repository');
    const many = Array.from({ length: 300 }, (_, at) => `team/app-${at}`);
    expect(() => conditionFor({ repositories: many })).toThrow('at most 8192 characters');
  });
});

function errorOf(text: string): RegistryError | undefined {
  try {
    parseCondition(text);
    return undefined;
  } catch (error) {
    return error as RegistryError;
  }
}

function refusalOf(repository: string): string | undefined {
  try {
    conditionFor({ repositories: [repository] });
    return undefined;
  } catch (error) {
    return (error as RegistryError).code;
  }
}
