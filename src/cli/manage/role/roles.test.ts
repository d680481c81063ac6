import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { conditionFor } from '../../../access/index.ts';
import { openCommands, settled } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
const reader = 'Container Registry Repository Reader';
const writer = 'Container Registry Repository Writer';

beforeAll(async () => {
  rig = await openCommands();
  await rig.ok('identity', 'create', '-n', 'cluster-a');
  await rig.ok('identity', 'create', '-n', 'cluster-b');
  await rig.ok('issuer', 'create', '-n', 'people', '--issuer', 'https://people.test', '--audience', 'bonded');
});
afterAll(() => rig[Symbol.asyncDispose]());

const create = ['role', 'assignment', 'create'];
const list = async (...words: string[]) =>
  (await rig.ok('role', 'assignment', 'list', ...words)) as Record<string, unknown>[];
const group = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/bonded';
const registry = `${group}/providers/Microsoft.ContainerRegistry/registries/default`;

describe('role definitions', () => {
  test('are listed, and shown by name and by GUID', async () => {
    const names = (await rig.ok('role', 'definition', 'list', '--query', '[].roleName')) as string[];
    expect(names).toContain('AcrPull');
    const byName = await rig.ok('role', 'definition', 'show', '-n', 'acrpull');
    expect(byName).toMatchObject({
      roleName: 'AcrPull',
      roleType: 'BuiltInRole',
      type: 'Microsoft.Authorization/roleDefinitions',
    });
    expect(await rig.ok('role', 'definition', 'show', '-n', '7f951dda-4ed3-4680-a7ca-43fe172d538d')).toEqual(byName);
    expect(await rig.ok('role', 'definition', 'list', '-n', 'AcrPull')).toEqual([byName]);
    expect(await rig.refused('role', 'definition', 'show', '-n', 'Acrpul')).toEqual([
      3,
      'bonded: there is no role "Acrpul"; bonded role definition list shows them\n',
    ]);
  });

  const team = {
    Name: 'Team reader',
    DataActions: ['Microsoft.ContainerRegistry/registries/repositories/content/read'],
  };

  test('of one’s own are made as az makes them, changed as show prints them, and deleted', async () => {
    const made = (await rig.ok('role', 'definition', 'create', '--role-definition', JSON.stringify(team))) as {
      name: string;
    };
    expect(made).toMatchObject({
      roleName: 'Team reader',
      roleType: 'CustomRole',
      permissions: [{ actions: [], notActions: [], dataActions: team.DataActions, notDataActions: [] }],
    });
    const again = await rig.ok('role', 'definition', 'create', '--role-definition', JSON.stringify(team));
    expect(again).toMatchObject({ name: made.name });

    const shown = (await rig.ok('role', 'definition', 'show', '-n', 'Team reader')) as Record<string, unknown>;
    const file = join(rig.home, 'role.json');
    await Bun.write(file, JSON.stringify({ ...shown, roleName: 'Team puller', description: 'pulls' }));
    const changed = await rig.ok('role', 'definition', 'update', '--role-definition', `@${file}`);
    expect(changed).toMatchObject({
      name: made.name,
      roleName: 'Team puller',
      description: 'pulls',
      permissions: shown['permissions'],
    });

    expect(await rig.ok('role', 'definition', 'list', '--custom-role-only', '--query', '[].roleName')).toEqual([
      'Team puller',
    ]);
    expect((await rig.refused('role', 'definition', 'delete', '-n', 'Team puller'))[0]).toBe(2);
    await rig.ok('role', 'definition', 'delete', '-n', 'Team puller', '-y');
    expect(await rig.ok('role', 'definition', 'list', '--custom-role-only')).toEqual([]);
  });

  test.each<[string, string]>([
    ['no json', '--role-definition: this is no JSON; write @FILE or'],
    ['@/nothere.json', '--role-definition: /nothere.json is not there'],
    ['@/', '--role-definition: / cannot be read (EISDIR)'],
    ['{}', '--role-definition: the role has no Name; it has the form'],
    ['{"Name": "x", "DataActions": "all"}', '--role-definition: dataActions:'],
    ['{"Name": 7}', '--role-definition: name:'],
    ['[]', '--role-definition: the role:'],
  ])('are not read from %p', async (given, message) => {
    const [code, error] = await rig.refused('role', 'definition', 'create', '--role-definition', given);
    expect([code, error]).toEqual([2, expect.stringContaining(`bonded: ${message}`)]);
    expect(error.split('\n')).toHaveLength(2);
  });

  test('that are built in stay as they are', async () => {
    const owner = '{"Name": "Owner", "Actions": ["*"]}';
    expect(await rig.refused('role', 'definition', 'update', '--role-definition', owner)).toEqual([
      2,
      'bonded: Owner is built in and stays as it is; give a role of your own another name\n',
    ]);
    expect((await rig.refused('role', 'definition', 'create', '--role-definition', owner))[0]).toBe(1);
  });
});

describe('role assignments', () => {
  test('are bounded to repositories by a condition that is written for one', async () => {
    const words = [...create, '--assignee', 'cluster-a', '--role', reader, '--repository', 'shop/*', 'base/node'];
    const made = (await rig.ok(...words)) as Record<string, unknown>;
    expect(made).toMatchObject({
      scope: registry,
      principalName: 'cluster-a',
      principalType: 'ServicePrincipal',
      roleDefinitionName: reader,
      conditionVersion: '2.0',
      condition: conditionFor({ repositories: ['shop/*', 'base/node'] }),
    });
    // The same again is the same.
    expect(await rig.ok(...words)).toMatchObject({ name: made['name'], createdOn: made['createdOn'] });
    expect(await list('--assignee', 'cluster-a')).toHaveLength(1);
    const twice = [
      ...create,
      '--assignee',
      'cluster-a',
      '--role',
      reader,
      '--repository',
      'shop/*',
      '--repository',
      'base/node',
    ];
    expect(await rig.ok(...twice)).toMatchObject({ name: made['name'] });
  });

  test('that somebody else has named are left as they are', async () => {
    const id = '11111111-2222-3333-4444-555555555555';
    await rig.ok(...create, '--assignee', 'cluster-b', '--role', writer, '--name', id);
    expect(await rig.ok(...create, '--assignee', 'cluster-b', '--role', writer)).toMatchObject({ name: id });
    await rig.ok('role', 'assignment', 'delete', '--name', id, '-y');
  });

  test('are for identities, groups and claims, at any scope', async () => {
    const { principalId } = (await rig.ok('identity', 'show', '-n', 'cluster-b')) as { principalId: string };
    await rig.ok(...create, '--assignee', principalId, '--role', 'Reader', '--scope', '/');
    await rig.ok(...create, '--group', 'platform', '--issuer', 'people', '--role', 'Owner', '--scope', group);
    const claims = ['--claims', 'owner=12', 'ref=refs/heads/*', '--issuer', 'https://people.test'];
    await rig.ok(
      ...create,
      ...claims,
      '--role',
      writer,
      '--repository',
      'acme/app',
      '--description',
      'pushes',
      '-r',
      'default',
    );
    const all = (await list()).map((one) => [one['principalName'], one['roleDefinitionName'], one['scope']]);
    expect(all.toSorted()).toEqual([
      ['cluster-a', reader, registry],
      ['cluster-b', 'Reader', '/'],
      ['owner=12, ref=refs/heads/*', writer, registry],
      ['platform at https://people.test', 'Owner', group],
    ]);
    expect(await list('--role', writer)).toMatchObject([
      {
        principalType: 'Claims',
        claims: { owner: '12', ref: 'refs/heads/*' },
        issuer: 'https://people.test',
        description: 'pushes',
      },
    ]);
    expect(await list('--group', 'platform', '--issuer', 'people')).toMatchObject([{ principalId: 'platform' }]);
    expect(await list(...claims)).toHaveLength(1);
  });

  test('are listed in a table', async () => {
    const { out } = await rig.run(['role', 'assignment', 'list', '--role', reader, '-o', 'table']);
    expect(settled(out, rig.server.host))
      .toBe(`Principal  Role                                  Scope               Condition  Name
---------  ------------------------------------  ------------------  ---------  ------------------------------------
cluster-a  ${reader}  registries/default  yes        GUID
`);
  });

  test.each<[string[], number, string]>([
    [['--role', 'Owner'], 2, '--assignee says for whom it is; --group or --claims with --issuer do, too'],
    [
      ['--role', 'Owner', '--assignee', 'nobody'],
      3,
      'there is no identity "nobody"; bonded identity list shows them, identity create makes one',
    ],
    [
      ['--role', 'Owner', '--assignee', '00000000-1111-2222-3333-444444444444'],
      3,
      'there is no identity "00000000-1111-2222-3333-444444444444"; bonded identity list shows them, identity create makes one',
    ],
    [
      ['--role', 'Nobody', '--assignee', 'cluster-a'],
      3,
      'there is no role "Nobody"; bonded role definition list shows them',
    ],
    [['--role', 'Owner', '--group', 'g'], 2, '--issuer says whose tokens are meant; bonded issuer list shows them'],
    [['--role', 'Owner', '--claims', 'a'], 2, '--claims: "a" is no NAME=VALUE'],
    [
      ['--role', 'Owner', '--group', 'g', '--assignee', 'cluster-a'],
      2,
      'give one of --assignee, --group and --claims: an assignment is for one of them',
    ],
    [
      ['--role', 'Owner', '--group', 'g', '--issuer', 'https://other.test'],
      1,
      'properties.issuer must be the issuer of a trusted issuer; bonded issuer list shows them',
    ],
    [
      ['--role', 'AcrPull', '--assignee', 'cluster-a', '--repository', 'shop/*'],
      2,
      'AcrPull gives nothing in repositories where roles are read as AbacRepositoryPermissions; there it is Container Registry ' +
        'Repository Reader and Container Registry Repository Catalog Lister',
    ],
    [
      ['--role', reader, '--assignee', 'cluster-a', '--repository', 'UPPER'],
      2,
      `--repository: "UPPER" is neither a repository's name nor a prefix such as team/*`,
    ],
    [
      ['--role', reader, '--assignee', 'cluster-a', '--repository', '*', 'a'],
      2,
      '--repository: * means all of them, and stands alone',
    ],
    [
      ['--role', reader, '--assignee', 'cluster-a', '--repository', 'a', '--condition', 'true'],
      2,
      '--condition and --repository say the same; give one of them',
    ],
    [
      ['--role', reader, '--assignee', 'cluster-a', '--scope', '/', '-r', 'default'],
      2,
      '--scope and --registry say the same; give one of them',
    ],
    [
      ['--role', reader, '--assignee', 'cluster-a', '--scope', 'default'],
      2,
      `--scope is / for everything, or an id such as ${registry}; --registry takes a name`,
    ],
  ])('are not made of %j', async (words, code, message) => {
    expect(await rig.refused(...create, ...words)).toEqual([code, `bonded: ${message}\n`]);
  });

  test('with a condition that is none are refused by the server', async () => {
    const [code, message] = await rig.refused(
      ...create,
      '--role',
      reader,
      '--assignee',
      'cluster-a',
      '--condition',
      'x',
    );
    expect([code, message]).toEqual([1, expect.stringContaining('properties.condition ')]);
  });

  test('of a role that does nothing where it is assigned come with a note', async () => {
    const { code, error } = await rig.run([...create, '--role', 'AcrPush', '--assignee', 'cluster-a', '-o', 'none']);
    expect([code, error]).toEqual([
      0,
      'Note that AcrPush gives nothing in repositories where roles are read as AbacRepositoryPermissions; there it is ' +
        `${writer}\n`,
    ]);
  });

  test('are bounded in the other mode, too', async () => {
    await rig.ok('acr', 'create', '-n', 'legacy', '--role-assignment-mode', 'rbac');
    const words = [...create, '-r', 'legacy', '--assignee', 'cluster-a', '--repository', 'shop/*'];
    expect(await rig.ok(...words, '--role', 'AcrPull')).toMatchObject({
      condition: conditionFor({ repositories: ['shop/*'] }),
    });
    expect((await rig.refused(...words, '--role', reader))[1]).toContain(
      'LegacyRegistryPermissions; there it is AcrPull',
    );
  });

  test('are deleted where all of the flags fit', async () => {
    const remove = ['role', 'assignment', 'delete'];
    expect((await rig.refused(...remove))[0]).toBe(2);
    expect(await rig.refused(...remove, '--assignee', 'cluster-a')).toEqual([
      2,
      'bonded: deleting 3 role assignments cannot be undone; --yes says that it is meant\n',
    ]);
    await rig.ok(...remove, '--assignee', 'cluster-a', '-r', 'legacy', '-y');
    await rig.ok(...remove, '--assignee', 'cluster-a', '--role', 'AcrPush', '-y');
    expect(await list('--assignee', 'cluster-a')).toMatchObject([{ roleDefinitionName: reader }]);
    expect(await rig.refused(...remove, '--assignee', 'cluster-a', '--scope', '/', '-y')).toEqual([
      3,
      'bonded: no role assignment is like that; bonded role assignment list shows them\n',
    ]);
    const ids = (await list('--query', '[].id')) as unknown as string[];
    await rig.ok(...remove, '--ids', ...ids, '--yes');
    expect(await list()).toEqual([]);
  });
});
