import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { fetch } from '../../../../test/http/fetch.ts';
import { jwt } from '../../../../test/support/people.ts';
import { makeKey } from '../../../identity/federation/test-issuer.double.ts';
import { openCommands, settled } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(() => rig[Symbol.asyncDispose]());

const federated = ['identity', 'federated-credential'];

describe('an identity', () => {
  test('is created, and created again is the same', async () => {
    const made = (await rig.ok('identity', 'create', '-n', 'cluster-a', '--tags', 'team=a')) as { principalId: string };
    expect(made).toMatchObject({ name: 'cluster-a', status: 'enabled', tags: { team: 'a' } });
    const again = await rig.ok('identity', 'create', '-n', 'cluster-a', '--tags', 'team=a');
    expect(again).toMatchObject({ principalId: made.principalId });
  });

  test('is disabled, tagged anew, and listed', async () => {
    await rig.ok('identity', 'update', '-n', 'cluster-a', '--status', 'disabled', '--tags', 'owner=ada');
    expect(await rig.ok('identity', 'show', '-n', 'cluster-a', '--query', '[status, tags]')).toEqual([
      'disabled',
      { owner: 'ada' },
    ]);
    const { out } = await rig.run(['identity', 'list', '-o', 'tsv']);
    expect(settled(out, rig.server.host)).toBe('cluster-a\tGUID\tdisabled\tTIME\n');
    await rig.ok('identity', 'update', '-n', 'cluster-a', '--status', 'enabled');
    expect(await rig.ok('identity', 'show', '-n', 'cluster-a', '--query', '[status, tags]')).toEqual([
      'enabled',
      { owner: 'ada' },
    ]);
  });

  test('that is disabled is not enabled by who creates it again', async () => {
    await rig.ok('identity', 'update', '-n', 'cluster-a', '--status', 'disabled');
    await rig.ok('identity', 'create', '-n', 'cluster-a');
    const seen = ['identity', 'show', '-n', 'cluster-a', '--query', '[status, tags]'];
    expect(await rig.ok(...seen)).toEqual(['disabled', { owner: 'ada' }]);
    await rig.ok('identity', 'create', '-n', 'cluster-a', '--status', 'enabled');
    expect(await rig.ok(...seen)).toEqual(['enabled', { owner: 'ada' }]);
  });

  test('that is not there ends with 3', async () => {
    for (const command of [['show'], ['update', '--status', 'enabled'], ['update', '--tags', 'a=b']])
      expect((await rig.refused('identity', command[0]!, '-n', 'nobody', ...command.slice(1)))[0]).toBe(3);
    expect(
      (
        await rig.refused(
          ...federated,
          'create',
          '--identity-name',
          'nobody',
          '-n',
          'one',
          '--issuer',
          'https://a.test',
          '--subject',
          's',
        )
      )[0],
    ).toBe(3);
  });
});

test.each(['bad name', 'a*', '50%'])('the name %p is refused as a name, not for want of a right', async (name) => {
  const [code, error] = await rig.refused('identity', 'create', '-n', name);
  expect([code, error]).toEqual([1, expect.stringContaining('the name of a resource of type')]);
});

describe('a federated credential', () => {
  test('of an issuer that is not trusted is made, with a word about that', async () => {
    const of = ['--identity-name', 'cluster-a', '-n', 'early', '--issuer', 'https://later.test', '--subject', 's'];
    const { code, error } = await rig.run([...federated, 'create', ...of]);
    expect([code, error]).toEqual([0, expect.stringContaining('Note that https://later.test is not trusted')]);
    await rig.ok(...federated, 'delete', '--identity-name', 'cluster-a', '-n', 'early', '--yes');
  });

  test('says whose tokens an identity is, until it is changed', async () => {
    const key = await makeKey('cluster-1', 'ES256');
    const file = join(rig.home, 'keys.json');
    await Bun.write(file, JSON.stringify({ keys: [key.jwk] }));
    await rig.ok(
      'issuer',
      'create',
      '-n',
      'people',
      '--issuer',
      'https://people.test',
      '--audience',
      'bonded',
      '--jwks-file',
      file,
    );
    await rig.ok(
      ...federated,
      'create',
      '--identity-name',
      'cluster-a',
      '-n',
      'puller',
      '--issuer',
      'people',
      '--subject',
      'ada',
    );
    await rig.ok(
      'role',
      'assignment',
      'create',
      '--assignee',
      'cluster-a',
      '--role',
      'Container Registry Repository Reader',
      '--repository',
      'shop/*',
    );

    const status = async (repository: string, subject: string, claims = {}) => {
      const token = await jwt(key, subject, claims);
      const authorization = `Basic ${btoa(`anybody:${token}`)}`;
      return (await fetch(`${rig.server.url}/v2/${repository}/tags/list`, { headers: { authorization } })).status;
    };
    const unknown = await status('shop/app', 'nobody');
    const allowed = await status('shop/app', 'ada');
    const elsewhere = await status('other/app', 'ada');
    expect([unknown, allowed, elsewhere]).toEqual([403, 404, 403]);

    await rig.ok(
      ...federated,
      'update',
      '--identity-name',
      'cluster-a',
      '-n',
      'puller',
      '--claims',
      'team=shop',
      'stage=*',
    );
    expect(await status('shop/app', 'ada', { team: 'shop' })).toBe(403);
    expect(await status('shop/app', 'ada', { team: 'shop', stage: 'test' })).toBe(404);
    await rig.ok(...federated, 'update', '--identity-name', 'cluster-a', '-n', 'puller', '--claims', 'team=shop');
    expect(await status('shop/app', 'ada', { team: 'shop' })).toBe(404);
    await rig.ok(
      ...federated,
      'update',
      '--identity-name',
      'cluster-a',
      '-n',
      'puller',
      '--subject',
      '',
      '--audiences',
      'bonded',
      'ci',
    );
    expect(await status('shop/app', 'ben', { team: 'shop' })).toBe(404);

    const { out } = await rig.run([...federated, 'list', '--identity-name', 'cluster-a', '-o', 'table']);
    expect(out).toBe(`Name    Issuer               Subject  Audiences   Claims
------  -------------------  -------  ----------  ---------------
puller  https://people.test           bonded, ci  {"team":"shop"}
`);
    await rig.ok(...federated, 'delete', '--identity-name', 'cluster-a', '-n', 'puller', '-y');
    expect(await status('shop/app', 'ben', { team: 'shop' })).toBe(403);
  });

  test.each<[string[], number, string]>([
    [['--subject', 's'], 2, '--issuer says who signs the tokens'],
    [['--issuer', 'https://a.test'], 2, '--subject or --claims says whose tokens they are'],
    [['--issuer', 'https://a.test', '--claims', '=x'], 2, '--claims: "=x" is no NAME=VALUE'],
  ])('is not made of %j', async (words, code, message) => {
    const [status, error] = await rig.refused(
      ...federated,
      'create',
      '--identity-name',
      'cluster-a',
      '-n',
      'one',
      ...words,
    );
    expect([status, error]).toEqual([code, `bonded: ${message}\n`]);
  });

  test('of an issuer that is not trusted by that name ends with 3', async () => {
    const words = ['--identity-name', 'cluster-a', '-n', 'one', '--issuer', 'nobody', '--subject', 's'];
    expect((await rig.refused(...federated, 'create', ...words))[0]).toBe(3);
  });

  test('goes with its identity', async () => {
    const words = ['--identity-name', 'cluster-a', '-n', 'two'];
    await rig.ok(...federated, 'create', ...words, '--issuer', 'people', '--subject', 's');
    expect((await rig.refused('identity', 'delete', '-n', 'cluster-a'))[0]).toBe(2);
    await rig.ok('identity', 'delete', '-n', 'cluster-a', '--yes');
    expect((await rig.refused(...federated, 'show', ...words))[0]).toBe(3);
  });
});
