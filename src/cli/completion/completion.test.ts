import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { pushImage } from '../../../test/http/registry.ts';
import { inside } from '../../../test/reference-commands.ts';
import { bonded } from '../../../test/support/command.ts';
import { root } from '../../commands/index.ts';
import { openCommands } from '../manage/command-rig.double.ts';
import { wordsOf } from './answer-shell.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 300);

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(() => rig[Symbol.asyncDispose]());

/** Values that are proposed for the last word. */
async function proposed(...words: string[]): Promise<string[]> {
  const { code, out, error } = await rig.run(['__complete', 'fish', ...words]);
  expect([code, error]).toEqual([0, '']);
  return out.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0]!]));
}

const all = inside(root, '').map(({ name, target }) => ({ words: name.trim().split(' '), target }));

describe('each', () => {
  test('group proposes what it holds', async () => {
    for (const { words, target } of all) {
      if (!('getAllEntries' in target)) continue;
      const wanted = target.getAllEntries().filter(({ hidden }) => !hidden);
      expect(await proposed(...words, '')).toEqual(wanted.map(({ name }) => name['convert-camel-to-kebab']));
    }
    expect(await proposed('')).not.toContain('worker');
    expect(await proposed('acr', 'reg')).toEqual([]);
    expect(await proposed('acr', 'repo')).toEqual(['repository']);
  });

  test('flag that takes an image or a registry asks the server', () => {
    for (const { words, target } of all) {
      if ('getAllEntries' in target) continue;
      for (const [name, flag] of Object.entries(target.parameters.flags ?? {})) {
        if (flag.kind !== 'parsed' || flag.hidden || !['repository:tag', 'name|host'].includes(flag.placeholder ?? ''))
          continue;
        expect([words.join(' '), name, typeof flag.proposeCompletions]).toEqual([words.join(' '), name, 'function']);
      }
    }
  });

  test('command proposes its flags, those that are not hidden, and the values of each that has few', async () => {
    for (const { words, target } of all) {
      if ('getAllEntries' in target) continue;
      const flags = Object.entries(target.parameters.flags ?? {});
      const kebab = (name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      const found = await proposed(...words, '--');
      for (const [name, flag] of flags) {
        expect([name, found.includes(kebab(name))]).toEqual([name, flag.hidden !== true]);
        if (flag.kind !== 'enum' || flag.hidden) continue;
        expect(await proposed(...words, kebab(name), '')).toEqual([...flag.values]);
        expect(await proposed(...words, `${kebab(name)}=${flag.values[0]!.slice(0, 1)}`)).toContain(
          `${kebab(name)}=${flag.values[0]}`,
        );
      }
    }
  });
});

describe('what a server has', () => {
  beforeAll(async () => {
    await rig.ok('acr', 'create', '-n', 'teamb');
    await rig.ok('identity', 'create', '-n', 'builder');
    await rig.ok('token', 'create', '--name', 'builds', '--scope-map', '_repositories_pull', '--no-passwords');
    for (const name of ['team/app', 'team/web', 'zoo']) await pushImage(rig.server.url, name, 'v1');
    await pushImage(rig.server.url, 'team/app', 'latest');
    await pushImage(rig.server.url, 'team/app', 'v2');
  });

  test.each([
    [
      ['acr', 'show', '--name', ''],
      ['default', 'teamb'],
    ],
    [['acr', 'token', 'list', '-r', 't'], ['teamb']],
    [['identity', 'show', '-n', ''], ['builder']],
    [['token', 'show', '--name', ''], ['builds']],
    [
      ['acr', 'repository', 'show', '--repository', ''],
      ['team/app', 'team/web', 'zoo'],
    ],
    [['acr', 'repository', 'show', '--repository', 'team/w'], ['team/web']],
    [['acr', 'repository', 'show', '--repository=team/w'], ['--repository=team/web']],
    [['acr', 'repository', 'show', '-n', 'teamb', '--repository', ''], []],
    [['acr', 'repository', 'show', '--registry=default', '--repository', 'z'], ['zoo']],
    [
      ['acr', 'lock', '-t', 'te'],
      ['team/app:', 'team/web:'],
    ],
    [
      ['acr', 'lock', '-t', 'team/app:'],
      ['team/app:latest', 'team/app:v1', 'team/app:v2'],
    ],
    [['acr', 'lock', '-t', 'team/app:v2'], ['team/app:v2']],
    [['acr', 'manifest', 'list', '-r', 'default', '-n', 'z'], ['zoo']],
    [['acr', 'manifest', 'delete', '-n', 'zoo:'], ['zoo:v1']],
    [
      ['acr', 'update', '-n', 'teamb', '--admin-enabled', ''],
      ['true', 'false'],
    ],
    [['config', 'set', 'ser'], ['server=']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['login', '--ca', ''], [':files']],
    [['acr', 'lock', '-t', '../x:'], []],
    [['acr', 'repository', 'show', '--server', '127.0.0.1:1', '--repository', ''], []],
  ])('%j becomes %j', async (words, wanted) => {
    expect(await proposed(...words)).toEqual(wanted);
  });

  test('bash gets what stands behind the last character at which it parts words', async () => {
    const ask = async (breaks: string, line: string) => (await rig.run(['__complete', 'bash', breaks, line])).out;
    expect(await ask(' :=@', 'bonded acr lock -t team/app:v')).toMatch(/^v1\t.*\nv2\t.*\n$/);
    expect(await ask(' ', 'bonded acr lock -t team/app:v1')).toMatch(/^team\/app:v1\t/);
    expect(await ask(' :=@', 'bonded acr lock --image=team/app:v1')).toMatch(/^v1\t/);
  });
});

test('a server that says nothing keeps nobody waiting, and nobody is told', async () => {
  using silent = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Promise<Response>(() => {}) });
  const begun = performance.now();
  const words = ['__complete', 'fish', 'acr', 'repository', 'show', '--repository', ''];
  const environment = { BONDED_SERVER: `127.0.0.1:${silent.port}`, BONDED_DATA: rig.server.data };
  expect(await bonded(words, environment)).toEqual({ code: 0, out: '', error: '' });
  // Far below the 20 s of a call.
  expect(performance.now() - begun).toBeLessThan(15_000);
});

test('whatever is typed, nothing is said on standard error', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'acr',
      'repository',
      'show',
      '--name',
      '-o',
      '--',
      '-',
      '--output=',
      '--x',
      'config',
      'tag',
      '__proto__',
    ),
    fc.string({ maxLength: 8 }),
  );
  return fc.assert(
    fc.asyncProperty(
      fc.constantFrom('bash', 'zsh', 'fish', 'sh'),
      fc.array(word, { maxLength: 5 }),
      async (shell, words) => {
        const environment = { BONDED_SERVER: '127.0.0.1:1' };
        const { code, error } = await rig.run(['__complete', shell, ...words], { environment });
        expect([code, error]).toEqual([0, '']);
      },
    ),
    { numRuns },
  );
});

test('a line is read in words as a shell reads it', () => {
  expect(wordsOf('bonded acr ')).toEqual(['bonded', 'acr', '']);
  expect(wordsOf(`a 'b c' "d \\" e" f\\ g 'h i`)).toEqual(['a', 'b c', 'd " e', 'f g', 'h i']);
  const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), (words) => {
      expect(wordsOf(words.map(quoted).join(' '))).toEqual(words);
    }),
    { numRuns },
  );
});
