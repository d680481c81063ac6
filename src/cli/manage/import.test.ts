import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../../test/http/fetch.ts';
import { pushImage } from '../../../test/http/registry.ts';
import { bonded } from '../../../test/support/command.ts';
import { managementOf } from '../../../test/support/management.ts';
import { startTestProcess, type TestProcess } from '../../../test/support/server.ts';
import { openCommands } from './command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
let source: TestProcess;
let password: string;
beforeAll(async () => {
  rig = await openCommands({ settings: { 'outbound.allow': '127.0.0.1' } });
  source = await startTestProcess();
  password = await managementOf(source.url).token('puller', ['repositories/*/content/read']);
  await rig.ok('acr', 'create', '--name', 'teamb');
});
afterAll(async () => {
  await source?.[Symbol.asyncDispose]();
  await rig?.[Symbol.asyncDispose]();
});

const digestOf = async (name: string, reference: string, registry = 'default') => {
  const answer = await fetch(`${rig.server.url}/v2/${name}/manifests/${reference}`, {
    method: 'HEAD',
    headers: { Host: registry === 'default' ? rig.server.host : `${registry}.localhost` },
  });
  return answer.headers.get('docker-content-digest');
};

describe('acr import', () => {
  test('from a registry of the server, by its name or by its login server', async () => {
    const { digest } = await pushImage(rig.server.url, 'team/app', 'v1');
    const said = await rig.ok('acr', 'import', '-n', 'teamb', '--source', 'team/app:v1', '--registry', 'default');
    expect(said).toMatchObject({ digest, manifests: 1, blobs: 2 });
    expect(await digestOf('team/app', 'v1', 'teamb')).toBe(digest);
    const more = ['-t', 'copy:a', '-t', 'copy:b', '--repository', 'bare'];
    await rig.ok('acr', 'import', '-n', 'teamb', '--source', `${rig.server.host}/team/app:v1`, ...more);
    for (const tag of ['a', 'b']) expect(await digestOf('copy', tag, 'teamb')).toBe(digest);
    expect(await digestOf('bare', digest, 'teamb')).toBe(digest);
  });

  test('from elsewhere, with a password that comes by standard input', async () => {
    const { digest } = await pushImage(source.url, 'team/other', 'v1');
    const words = ['acr', 'import', '--source', `${source.url}/team/other:v1`];
    const denied = await rig.run(words);
    expect([denied.code, denied.out]).toEqual([1, '']);
    expect(denied.error).toContain('give credentials');
    const { code, out, error } = await bonded(
      [...words, '--username', 'puller', '--password-stdin', '-o', 'json', '--server', rig.server.host],
      rig.environment,
      `${password}\n`,
    );
    expect([code, error]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({ digest });
    expect(await digestOf('team/other', 'v1')).toBe(digest);
  });

  test('a tag that is taken is told, and forced', async () => {
    await pushImage(rig.server.url, 'forced', 'v1');
    const { digest } = await pushImage(rig.server.url, 'forced', 'v2');
    const words = ['acr', 'import', '--source', 'forced:v2', '--registry', 'default', '--image', 'forced:v1'];
    const refused = await rig.run(words);
    expect([refused.code, refused.error]).toEqual([1, expect.stringContaining('Force')]);
    await rig.ok(...words, '--force');
    expect(await digestOf('forced', 'v1')).toBe(digest);
  });

  test('does not wait where nobody wants that', async () => {
    await pushImage(rig.server.url, 'later', 'v1');
    const words = ['acr', 'import', '--source', 'later:v1', '--registry', 'default', '--image', 'soon:v1', '--no-wait'];
    const { operation } = (await rig.ok(...words)) as { operation: string };
    expect(operation).toContain('/operationStatuses/');
    for (const end = Date.now() + 45_000; (await digestOf('soon', 'v1')) === null;) {
      if (Date.now() > end) throw new Error('it was not imported');
      await Bun.sleep(20);
    }
  });

  test.each([
    [['--source', 'team/app:v1'], '--source has no host'],
    [['--source', 'ghcr.io/a:b', '--username', 'x'], '--password-stdin'],
    [['--source', 'ghcr.io/a:b', '--username', 'x', '--password-stdin', '--secret', 's'], 'give --secret, or'],
    [['--source', 'a:b', '--registry', 'default', '--secret', 's'], 'leave credentials out'],
  ])('%p is no way to say it', async (words, says) => {
    const { code, error } = await rig.run(['acr', 'import', ...words]);
    expect(code).not.toBe(0);
    expect(error).toContain(says);
  });
});

describe('acr replication', () => {
  test('adds, shows, changes, lists and takes away regions', async () => {
    const columns = 'Name';
    const created = await rig.ok('acr', 'replication', 'create', '-r', 'teamb', '-l', 'West Europe', '--tags', 'a=b');
    expect(created).toMatchObject({
      name: 'westeurope',
      location: 'West Europe',
      status: { displayStatus: 'Waiting' },
    });
    const update = ['acr', 'replication', 'update', '-r', 'teamb', '-n', 'westeurope'];
    expect(await rig.ok(...update, '--region-endpoint-enabled', 'false')).toMatchObject({
      regionEndpointEnabled: false,
      tags: { a: 'b' },
    });
    const table = await rig.run(['acr', 'replication', 'list', '-r', 'teamb', '-o', 'table']);
    expect(table.out.split('\n')[0]).toStartWith(columns);
    expect(table.out).toMatch(/local .*Ready .*\n.*westeurope .*Waiting/);
    expect(await rig.ok('acr', 'replication', 'show', '-r', 'teamb', '-n', 'local')).toMatchObject({ name: 'local' });
    await rig.ok('acr', 'replication', 'delete', '-r', 'teamb', '-n', 'westeurope', '--yes');
    const home = await rig.run(['acr', 'replication', 'delete', '-r', 'teamb', '-n', 'local', '--yes']);
    expect([home.code, home.error]).toEqual([1, expect.stringContaining('home region')]);
    const wrong = await rig.run(['acr', 'replication', 'create', '-r', 'teamb', '-l', 'eastus', '-n', 'other']);
    expect(wrong.error).toContain('eastus');
  });
});
