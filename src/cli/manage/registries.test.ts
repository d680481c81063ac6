import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { bonded } from '../../../test/support/command.ts';
import { openCommands, settled } from './command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(() => rig[Symbol.asyncDispose]());

const printed = async (...words: string[]) => {
  const { code, out, error } = await rig.run(words);
  expect([code, error]).toEqual([0, '']);
  return settled(out, rig.server.host);
};

const id =
  '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/bonded/providers/Microsoft.ContainerRegistry/registries';

describe('a registry', () => {
  test('is there after the start, and is shown without its name', async () => {
    expect(await printed('acr', 'show', '-o', 'tsv')).toBe('default\tHOST\tPremium\topen\tfalse\tnone\tTIME\n');
    expect(await printed('registry', 'show', '--query', 'name')).toBe('"default"\n');
  });

  test('is created, and created again without harm', async () => {
    const words = [
      'acr',
      'create',
      '-n',
      'teamb',
      '--tags',
      'team=b',
      'stage=test run',
      '--sku',
      'Basic',
      '-o',
      'yaml',
      // Of all its properties, those that these words are about.
      '--query',
      '{id: id, name: name, type: type, resourceGroup: resourceGroup, adminUserEnabled: adminUserEnabled, ' +
        'loginServer: loginServer, location: location, tags: tags, sku: sku.name, systemData: systemData, etag: etag}',
    ];
    const wanted = `id: ${id}/teamb
name: teamb
type: Microsoft.ContainerRegistry/registries
resourceGroup: bonded
adminUserEnabled: false
loginServer: teamb.localhost:${rig.server.host.split(':')[1]}
location: local
tags:
  team: b
  stage: test run
sku: Basic
systemData:
  createdBy: local operator
  createdAt: TIME
  lastModifiedBy: local operator
  lastModifiedAt: TIME
etag: '"ETAG"'
`;
    expect(await printed(...words)).toBe(wanted);
    expect(await printed(...words)).toBe(wanted);
  });

  test('is listed in a table, whose width is that of what is in it', async () => {
    const port = rig.server.host.split(':')[1]!;
    expect(await printed('acr', 'list', '-o', 'table', '--query', '[].{Name: name, Server: loginServer}')).toBe(
      `Name     Server
-------  -${'-'.repeat(15 + port.length)}
default  HOST
teamb    teamb.localhost:${port}
`,
    );
    expect(await printed('acr', 'list', '-o', 'tsv', '--query', '[].name')).toBe('default\nteamb\n');
  });

  test('is changed in what is said alone', async () => {
    await rig.ok(
      'acr',
      'update',
      '-n',
      'teamb',
      '--anonymous-pull-repositories',
      'samples/*',
      'base/node',
      '--admin-enabled',
      '--sku',
      'Premium',
    );
    const seen = '[adminUserEnabled, anonymousPullRepositories, tags, sku.name, roleAssignmentMode]';
    expect(JSON.parse(await printed('acr', 'show', '-n', 'teamb', '--query', seen))).toEqual([
      true,
      ['samples/*', 'base/node'],
      { team: 'b', stage: 'test run' },
      'Premium',
      'AbacRepositoryPermissions',
    ]);
    await rig.ok('acr', 'update', '-n', 'teamb', '--tags', 'owner=ada', '--anonymous-pull-repositories', '');
    await rig.ok(
      'acr',
      'update',
      '-n',
      'teamb',
      '--admin-enabled',
      'false',
      '--sku',
      'Standard',
      '--role-assignment-mode',
      'rbac',
    );
    expect(JSON.parse(await printed('acr', 'show', '-n', 'teamb', '--query', seen))).toEqual([
      false,
      [],
      { owner: 'ada' },
      'Standard',
      'LegacyRegistryPermissions',
    ]);
  });

  test('may have a name that is free', async () => {
    expect(await printed('acr', 'check-name', '-n', 'teamc', '--query', 'nameAvailable')).toBe('true\n');
    expect(await printed('acr', 'check-name', '-n', 'teamb', '-o', 'tsv')).toBe(
      'false\tAlreadyExists\tthe registry teamb is already in use\n',
    );
    expect(await printed('acr', 'check-name', '-n', 'b', '--query', 'reason')).toBe('"Invalid"\n');
  });

  test('is deleted when it is meant', async () => {
    expect(await rig.refused('acr', 'delete', '-n', 'teamb')).toEqual([
      2,
      'bonded: deleting the registry teamb and its repositories cannot be undone; --yes says that it is meant\n',
    ]);
    expect(await printed('acr', 'delete', '-n', 'teamb', '--yes')).toBe('');
    expect(await rig.refused('acr', 'delete', '-n', 'teamb', '-y')).toEqual([
      3,
      'bonded: there is no registry teamb; bonded acr list shows what there is\n',
    ]);
    expect(await printed('acr', 'list', '-o', 'tsv', '--query', '[].name')).toBe('default\n');
  });

  test('that the configuration has stays', async () => {
    expect(await rig.refused('acr', 'delete', '-n', 'default', '-y')).toEqual([
      1,
      'bonded: the registry default stands in the configuration; take it out of there first (the default one stays)\n',
    ]);
  });
});

describe('the admin user', () => {
  test('has passwords once it is enabled, each shown when it is made', async () => {
    expect(await rig.refused('acr', 'credential', 'show')).toEqual([
      1,
      'bonded: the admin user of default is disabled; identities need no passwords. To enable it: bonded acr update --name ' +
        'default --admin-enabled true\n',
    ]);
    await rig.ok('acr', 'update', '-n', 'default', '--admin-enabled', 'true');
    const made = await printed('acr', 'credential', 'show', '-o', 'tsv');
    expect(made).toMatch(/^default\tbonded_[\w-]{43}\tbonded_[\w-]{43}\n$/);
    const again = await rig.run(['acr', 'credential', 'show', '-o', 'tsv']);
    expect(again).toEqual({
      code: 0,
      out: 'default\t\t\n',
      error:
        'Both passwords are there, and were shown when they were made; bonded acr credential renew makes another.\n',
    });
    const renewed = await printed('acr', 'credential', 'renew', '--password-name', 'password2', '-o', 'tsv');
    expect(renewed).toMatch(/^default\t\tbonded_[\w-]{43}\n$/);
    expect(made).not.toContain(renewed.split('\t')[2]!.trim());
  });
});

describe('errors', () => {
  test('of what is not there end with 3', async () => {
    expect(await rig.refused('acr', 'show', '-n', 'nothere')).toEqual([
      3,
      'bonded: there is no registry nothere; bonded acr list shows what there is\n',
    ]);
    expect((await rig.refused('acr', 'update', '-n', 'nothere', '--sku', 'Basic'))[0]).toBe(3);
  });

  test.each<[string[], string]>([
    [['acr', 'create'], '--name must be given, with a value; --help lists what there is'],
    [['acr', 'create', '-n', 'teamd', '--tags', 'x'], '--tags: "x" is no NAME=VALUE'],
    [['acr', 'create', '-n', 'teamd', '-g', 'other'], '--resource-group: there is one, called bonded; leave it out'],
    [['acr', 'list', '--nonsense'], 'there is no flag --nonsense; --help lists what there is'],
    [['acr', 'lits'], 'there is no command lits; did you mean `list`?'],
  ])('of how %j is written end with 2', async (words, message) => {
    expect(await rig.refused(...words)).toEqual([2, `bonded: ${message}\n`]);
  });

  test('of a query come before anything is done', async () => {
    const [code, message] = await rig.refused('acr', 'create', '-n', 'teame', '--query', '[?');
    expect([code, message]).toEqual([2, expect.stringContaining('[?')]);
    expect((await rig.refused('acr', 'show', '-n', 'teame'))[0]).toBe(3);
  });

  test('of what the server does not take end with 1, with all its reasons on one line', async () => {
    const [code, message] = await rig.refused(
      'acr',
      'create',
      '-n',
      'b',
      '--anonymous-pull-repositories',
      'UPPER',
      '*',
    );
    expect(code).toBe(1);
    expect(message).toMatch(/^bonded: [^\n]+\n$/);
    const [, reasons] = await rig.refused(
      'acr',
      'create',
      '-n',
      'teamd',
      '--anonymous-pull-repositories',
      'UPPER',
      '*',
    );
    expect(reasons).toContain('must be a repository, PREFIX/* or *');
  });

  test('of a server that is not there say where it was looked for', async () => {
    using free = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    const server = `127.0.0.1:${free.port}`;
    free.stop(true);
    const [code, message] = await rig.refused('acr', 'list', '--server', server);
    expect(code).toBe(1);
    expect(message).toMatch(/^bonded: [^\n]+\n$/);
    expect(message).toContain(server);
  });

  test('of somebody whom nobody knows say how to log in', async () => {
    const { code, error } = await rig.run(['acr', 'list'], { environment: { BONDED_DATA: rig.home } });
    expect(code).toBe(1);
    expect(error).toMatch(/^bonded: nothing here says to \S+ who you are[^\n]*bonded login [^\n]+\n$/);
  });

  test('of an address that is none end with 1', async () => {
    expect(await rig.refused('acr', 'list', '--server', 'a b')).toEqual([
      1,
      'bonded: a b is no registry; write its host, such as registry.example.com or 127.0.0.1:5000\n',
    ]);
  });
});

test('bin/bonded does the same, with the exit codes of a shell', async () => {
  expect(await bonded(['acr', 'list', '-o', 'tsv', '--query', '[].name'], rig.environment)).toEqual({
    code: 0,
    out: 'default\n',
    error: '',
  });
  expect((await bonded(['acr', 'show', '-n', 'nothere'], rig.environment)).code).toBe(3);
  expect((await bonded(['acr', 'show', '--nonsense'], rig.environment)).code).toBe(2);
  expect((await bonded(['acr', 'nonsense'], rig.environment)).code).toBe(2);
});
