import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../../../test/http/fetch.ts';
import { openCommands, settled } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(() => rig[Symbol.asyncDispose]());

interface Token {
  name: string;
  status: string;
  scopeMapId: string;
  credentials: { username: string; passwords: { name: string; value?: string; expiry?: string }[] };
}

const token = async (...words: string[]) => (await rig.ok(...words)) as Token;
const values = ({ credentials }: Token) => credentials.passwords.map(({ value }) => value);

/** Status of a log-in with a password. By POST, which looks at it each time; by GET it is remembered for a moment. */
async function logIn(username: string, password: string): Promise<number> {
  const scope = 'repository:team/app:pull';
  const body = new URLSearchParams({ grant_type: 'password', service: rig.server.host, scope, username, password });
  return (await fetch(`${rig.server.url}/oauth2/token`, { method: 'POST', body })).status;
}

describe('a scope map', () => {
  test('is written in the words of az, and shown by all names of the command', async () => {
    const words = [
      'acr',
      'scope-map',
      'create',
      '-n',
      'ci-map',
      '--repository',
      'team/app',
      'content/read',
      'content/write',
    ];
    await rig.ok(...words, '--repository', 'base/*', 'metadata/read', '--description', 'for CI');
    const shown = {
      name: 'ci-map',
      type: 'Microsoft.ContainerRegistry/registries/scopeMaps',
      typePropertiesType: 'UserDefined',
      description: 'for CI',
      actions: [
        'repositories/team/app/content/read',
        'repositories/team/app/content/write',
        'repositories/base/*/metadata/read',
      ],
    };
    for (const name of [['acr', 'scope-map'], ['registry', 'scope-map'], ['scope-map']])
      expect(await rig.ok(...name, 'show', '-n', 'ci-map', '-r', 'default')).toMatchObject(shown);
  });

  test('is changed by what is added and taken away', async () => {
    const words = ['scope-map', 'update', '-n', 'ci-map', '--add-repository', 'team/web', 'content/read'];
    await rig.ok(...words, '--remove-repository', 'team/app', 'content/write', '--remove-repository', 'base/*');
    expect(await rig.ok('scope-map', 'show', '-n', 'ci-map', '--query', 'actions')).toEqual([
      'repositories/team/app/content/read',
      'repositories/team/web/content/read',
    ]);
  });

  test('is listed with those that each registry has', async () => {
    const { out } = await rig.run(['scope-map', 'list', '-o', 'tsv', '--query', '[].[name, typePropertiesType]']);
    expect(out).toContain('_repositories_pull\tSystemDefined\n');
    expect(out).toEndWith('ci-map\tUserDefined\n');
  });

  test.each<[string[], number, string]>([
    [['create', '-n', 'empty'], 2, '--repository says what the scope map allows: --repository team/app content/read'],
    [
      ['create', '-n', 'empty', '--repository', 'team/app'],
      2,
      '--repository: write the repository and what may be done: --repository team/app content/read content/write',
    ],
    [
      ['update', '-n', 'ci-map', '--remove-repository', 'team/app', '--remove-repository', 'team/web'],
      2,
      'nothing would be left of it; bonded acr scope-map delete removes a scope map',
    ],
    [['delete', '-n', 'ci-map'], 2, 'deleting the scope map ci-map cannot be undone; --yes says that it is meant'],
  ])('is not made of %j', async (words, code, message) => {
    expect(await rig.refused('scope-map', ...words)).toEqual([code, `bonded: ${message}\n`]);
  });

  test('with an action that there is not is refused by the server', async () => {
    const [code, message] = await rig.refused('scope-map', 'create', '-n', 'wrong', '--repository', 'team/app', 'pull');
    expect(code).toBe(1);
    expect(message).toContain('"repositories/team/app/pull" is no action of a scope map');
  });
});

describe('a token', () => {
  test('is created with two passwords that are shown this once and work', async () => {
    const words = ['token', 'create', '-n', 'ci-old', '--repository', 'team/app', 'content/read'];
    const { code, out, error } = await rig.run([...words, '--expiration-in-days', '30', '-o', 'json']);
    expect([code, error]).toEqual([0, 'The passwords are shown this once; keep them where they are safe.\n']);
    const made = JSON.parse(out) as Token;
    const in30Days = Date.now() + 30 * 86_400_000;
    for (const { value, expiry } of made.credentials.passwords) {
      expect(value).toMatch(/^bonded_[\w-]{43}$/);
      expect(Math.abs(Date.parse(expiry!) - in30Days)).toBeLessThan(60_000);
      expect(await logIn('ci-old', value!)).toBe(200);
    }
    const shown = await token('token', 'show', '-n', 'ci-old');
    expect(values(shown)).toEqual([undefined, undefined]);
    expect(shown.scopeMapId).toEndWith('/scopeMaps/ci-old-scope-map');
    expect(await rig.ok('scope-map', 'show', '-n', 'ci-old-scope-map', '--query', 'actions')).toEqual([
      'repositories/team/app/content/read',
    ]);
  });

  test('that is created again keeps its passwords', async () => {
    const before = await rig.ok('token', 'show', '-n', 'ci-old', '--query', 'credentials.passwords[].creationTime');
    const words = ['acr', 'token', 'create', '-n', 'ci-old', '--scope-map', 'ci-old-scope-map', '-o', 'json'];
    const { code, out, error } = await rig.run(words);
    expect([code, error]).toEqual([
      0,
      'ci-old was there already and keeps its passwords; bonded acr token credential generate makes others.\n',
    ]);
    expect(values(JSON.parse(out) as Token)).toEqual([undefined, undefined]);
    expect(await rig.ok('token', 'show', '-n', 'ci-old', '--query', 'credentials.passwords[].creationTime')).toEqual(
      before,
    );
  });

  test('that is disabled is not enabled by who creates it again', async () => {
    await rig.ok('token', 'update', '-n', 'ci-old', '--status', 'disabled');
    await rig.ok('token', 'create', '-n', 'ci-old', '--scope-map', 'ci-old-scope-map');
    expect(await rig.ok('token', 'show', '-n', 'ci-old', '--query', 'status')).toBe('disabled');
    await rig.ok('token', 'update', '-n', 'ci-old', '--status', 'enabled');
  });

  test('shows its passwords in a table and as TSV, too', async () => {
    const { out } = await rig.run(['token', 'create', '-n', 'shown', '--scope-map', '_repositories_pull', '-o', 'tsv']);
    const [name, map, status, first, second, expiry] = out.trimEnd().split('\t');
    expect([name, map, status, expiry]).toEqual(['shown', '_repositories_pull', 'enabled', undefined]);
    expect(await Promise.all([logIn('shown', first!), logIn('shown', second!)])).toEqual([200, 200]);
  });

  test('has no passwords where none are wanted', async () => {
    const words = ['token', 'create', '-n', 'empty', '--scope-map', '_repositories_pull', '--no-passwords'];
    expect(values(await token(...words))).toEqual([]);
  });

  test('with a name that none can have is refused before its scope map is made', async () => {
    expect(await rig.refused('token', 'create', '-n', 'ci', '--repository', 'team/app', 'content/read')).toEqual([
      2,
      'bonded: --name: the name of a token has 5 to 50 letters, digits and -\n',
    ]);
    expect((await rig.refused('scope-map', 'show', '-n', 'ci-scope-map'))[0]).toBe(3);
  });

  test('is listed with when its passwords end', async () => {
    const { out } = await rig.run(['token', 'list', '-o', 'table']);
    expect(
      settled(out, rig.server.host)
        .split('\n')
        .map((line) => line.replaceAll(/ {2,}/g, '|').replace(/\|$/, '')),
    ).toEqual([
      'Name|ScopeMap|Status|Passwords|LastUsed|CreationDate',
      expect.stringMatching(/^-[-|]+-$/),
      expect.stringMatching(
        /^ci-old\|ci-old-scope-map\|enabled\|password1 until TIME, password2 until TIME\|(?:TIME\|)?TIME$/,
      ),
      'empty|_repositories_pull|enabled|TIME',
      expect.stringMatching(
        /^shown\|_repositories_pull\|enabled\|password1 without end, password2 without end\|(?:TIME\|)?TIME$/,
      ),
      '',
    ]);
  });

  test('has each of its passwords made anew, and deleted', async () => {
    const generate = ['token', 'credential', 'generate', '-n', 'empty'];
    const both = (await rig.ok(...generate)) as Token['credentials'];
    expect(both.username).toBe('empty');
    const [first, second] = both.passwords.map(({ value }) => value!) as [string, string];
    const { out } = await rig.run([...generate, '--password2', '--expiration', '2999-01-31', '-o', 'tsv']);
    const [, none, other, expiry] = out.trimEnd().split('\t') as [string, string, string, string];
    expect([none, expiry]).toEqual(['', '2999-01-31T00:00:00.000Z']);
    expect(await Promise.all([first, second, other].map((value) => logIn('empty', value)))).toEqual([200, 401, 200]);

    const left = await token('token', 'credential', 'delete', '-n', 'empty', '--password1', '-y');
    expect(left.credentials.passwords.map(({ name }) => name)).toEqual(['password2']);
    expect(await Promise.all([first, other].map((value) => logIn('empty', value)))).toEqual([401, 200]);
    await token('token', 'credential', 'delete', '-n', 'empty', '--password1', '--password2', '-y');
    expect(await logIn('empty', other)).toBe(401);
  });

  test('keeps its passwords when something else of it is changed', async () => {
    const made = (await rig.ok('token', 'credential', 'generate', '-n', 'empty')) as Token['credentials'];
    await rig.ok('token', 'update', '-n', 'empty', '--status', 'disabled');
    expect(await logIn('empty', made.passwords[0]!.value!)).toBe(401);
    await rig.ok('token', 'update', '-n', 'empty', '--status', 'enabled', '--scope-map', 'ci-map');
    expect(await logIn('empty', made.passwords[0]!.value!)).toBe(200);
  });

  test('is deleted when it is meant', async () => {
    expect((await rig.refused('token', 'delete', '-n', 'empty'))[0]).toBe(2);
    await rig.ok('token', 'delete', '-n', 'empty', '--yes');
    expect((await rig.refused('token', 'show', '-n', 'empty'))[0]).toBe(3);
  });

  test.each<[string[], number, string]>([
    [
      ['create', '-n', 'wrong'],
      2,
      'give one of --scope-map NAME and --repository REPOSITORY ACTION…: it says what the token may do',
    ],
    [
      ['create', '-n', 'wrong', '--scope-map', 'ci-map', '--expiration-in-days', '1', '--expiration', '2999-01-01'],
      2,
      '--expiration and --expiration-in-days say the same; give one of them',
    ],
    [
      ['create', '-n', 'wrong', '--scope-map', 'ci-map', '--expiration', 'tomorrow'],
      2,
      '--expiration is a time such as 2027-01-31 or 2027-01-31T12:00:00Z',
    ],
    [
      ['create', '-n', 'wrong', '--scope-map', 'ci-map', '--expiration', '2020-01-01'],
      2,
      '--expiration is in the past',
    ],
    [
      ['create', '-n', 'wrong', '--scope-map', 'ci-map', '--expiration-in-days', '0'],
      2,
      'expiration-in-days cannot be "0": it is a whole number of days from 1 to 36500; --help lists what there is',
    ],
    [
      ['create', '-n', 'wrong', '--scope-map', 'nothere'],
      1,
      'properties.scopeMapId is no scope map of this registry; bonded scope-map list shows them',
    ],
    [['credential', 'delete', '-n', 'ci-old'], 2, '--password1 or --password2 says which one to delete'],
    [['credential', 'generate', '-n', 'nothere'], 3, 'nothere is no token of this registry'],
  ])('%j is refused', async (words, code, message) => {
    expect(await rig.refused('token', ...words)).toEqual([code, `bonded: ${message}\n`]);
  });

  test('that cannot be made leaves nothing behind', async () => {
    expect((await rig.refused('token', 'show', '-n', 'wrong'))[0]).toBe(3);
  });
});
