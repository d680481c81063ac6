import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isRepositoryName } from '../oci/index.ts';
import { actionsPermit, formatScope, grantedActions, parseScopes, type ScopeAction, scopeActions } from './index.ts';
import { maxScopes, maxScopesLength } from './scope-strings.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 2_000);
const timeout = 5_000 + numRuns;

describe('scope strings', () => {
  test('what the clients of ACR ask for', () => {
    const asked = 'repository:team/app:pull,push registry:catalog:* registry:deleted_catalog:*';
    expect(parseScopes(asked)).toEqual([
      { type: 'repository', name: 'team/app', actions: ['pull', 'push'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
      { type: 'registry', name: 'deleted_catalog', actions: ['*'] },
    ]);
    const lists = ['*', 'metadata_write,metadata_read', 'delete,metadata_read', 'deleted_read,deleted_restore'];
    for (const list of lists) {
      expect(parseScopes(`repository:a:${list}`)).toEqual([
        { type: 'repository', name: 'a', actions: list.split(',') as ScopeAction[] },
      ]);
    }
  });

  test('several parameters, several scopes of one repository and a class', () => {
    const asked = ['repository:a:pull repository:b:pull', 'repository(plugin):a:push,pull'];
    expect(parseScopes(asked)).toEqual([
      { type: 'repository', name: 'a', actions: ['pull', 'push'] },
      { type: 'repository', name: 'b', actions: ['pull'] },
    ]);
  });

  test('what is unknown is left out', () => {
    const unknown = [
      'repository:a:fly',
      'repository:a:',
      'repository:a',
      'repository::pull',
      'repository:A:pull',
      'repository:*:pull',
      'repository:host:5000/a:pull',
      'repository:../a:pull',
      'repository(plugin:a:pull',
      'artifact-repository:repo:*',
      'registry:catalog:pull',
      'registry:toString:*',
      'aws:a:pull',
      ':::',
    ];
    expect(parseScopes(unknown)).toEqual([]);
    expect(parseScopes('repository:a:pull,fly,pull,toString')).toEqual([
      { type: 'repository', name: 'a', actions: ['pull'] },
    ]);
    expect(parseScopes('')).toEqual([]);
  });

  test('number and length are bounded, and a cut changes no meaning', () => {
    const many = Array.from({ length: 200 }, (_, at) => `repository:r${at}:pull`);
    expect(parseScopes(many)).toHaveLength(maxScopes);
    const long = 'a'.repeat(200);
    const wide = Array.from({ length: 30 }, (_, at) => `repository:${long}${at}:pull,push`);
    const read = parseScopes(wide);
    expect(read.length).toBeWithin(10, 30);
    expect(read.map(formatScope)).toEqual(wide.slice(0, read.length));
    expect(parseScopes('x'.repeat(maxScopesLength * 10))).toEqual([]);
    const whole = 'repository:a:pull';
    const padding = 'x'.repeat(maxScopesLength - whole.length - 1);
    expect(parseScopes(`${padding} ${whole}`)).toHaveLength(1);
    expect(parseScopes(`${padding} ${whole},push`)).toEqual([]);
  });

  test(
    'any text is read without an error, and what is read can be written and read again',
    () => {
      const unit = fc.constantFrom(
        'repository',
        'registry',
        'catalog',
        ':',
        ' ',
        ',',
        'pull',
        'push',
        '*',
        'a/b',
        '(x)',
        'A',
      );
      fc.assert(
        fc.property(fc.oneof(fc.string({ unit, maxLength: 12 }), fc.string({ unit: 'binary' })), (text) => {
          const scopes = parseScopes(text);
          expect(parseScopes(scopes.map(formatScope))).toEqual(scopes);
          for (const { type, name } of scopes) expect(type === 'registry' || isRepositoryName(name)).toBe(true);
        }),
        { numRuns },
      );
    },
    timeout,
  );
});

describe('granted actions', () => {
  test('are the part that is allowed; all is said as such', () => {
    expect(grantedActions(['pull', 'push'], (permission) => permission === 'content/read')).toEqual(['pull']);
    expect(grantedActions(['*'], () => true)).toEqual(['*']);
    expect(grantedActions(['*'], (permission) => permission.endsWith('read'))).toEqual([
      'pull',
      'metadata_read',
      'deleted_read',
    ]);
    expect(grantedActions(['push'], () => false)).toEqual([]);
  });

  test('permit what they stand for', () => {
    for (const [action, permission] of Object.entries(scopeActions)) {
      expect(actionsPermit([action], permission)).toBe(true);
      expect(actionsPermit(['*'], permission)).toBe(true);
      expect(
        actionsPermit(
          Object.keys(scopeActions).filter((other) => other !== action),
          permission,
        ),
      ).toBe(false);
    }
    expect(actionsPermit(['delete'], 'metadata/delete')).toBe(true);
    expect(actionsPermit(['*'], 'sign')).toBe(false);
    expect(actionsPermit(['*'], 'catalog/read')).toBe(false);
  });
});
