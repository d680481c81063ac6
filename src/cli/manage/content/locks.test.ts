import { afterAll, beforeAll, expect, test } from 'bun:test';
import { pushImage } from '../../../../test/http/registry.ts';
import { openCommands, settled } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(() => rig[Symbol.asyncDispose]());

const open = { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true };
const attributes = ['--query', 'changeableAttributes'];

test('a lock refuses deletions with its reason, until it is taken away', async () => {
  const image = await pushImage(rig.server.url, 'team/app', 'v1');
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const lock = ['acr', 'lock', '--image', 'team/app:v1'];
  expect(await rig.ok(...lock, '--reason', 'in production', '--until', until, ...attributes)).toEqual({
    ...open,
    deleteEnabled: false,
    writeEnabled: false,
    lockOwner: 'local operator',
    lockReason: 'in production',
    lockExpiresOn: until,
  });
  const { out } = await rig.run(['acr', 'tag', 'list', '--repository', 'team/app', '-o', 'tsv']);
  expect(out.trimEnd().split('\t').at(-1)).toBe(until);
  for (const words of [
    ['acr', 'repository', 'untag', '--image', 'team/app:v1'],
    ['acr', 'repository', 'delete', '--image', `team/app@${image.digest}`, '--yes'],
    ['acr', 'repository', 'delete', '--repository', 'team/app', '--yes'],
    ['acr', 'manifest', 'delete', '-n', 'team/app:v1', '--yes'],
  ]) {
    const [code, error] = await rig.refused(...words);
    expect(code).toBe(1);
    expect(error).toMatch(/^bonded: The operation is disallowed [^\n]*in production[^\n]*\(request [^)]+\)\n$/);
  }
  // A lock is said whole.
  expect(await rig.ok(...lock, ...attributes)).toEqual({
    ...open,
    deleteEnabled: false,
    writeEnabled: false,
    lockOwner: 'local operator',
  });
  const shown = await rig.run(['acr', 'unlock', '--image', 'team/app:v1', '-o', 'tsv']);
  expect(settled(shown.out, rig.server.host)).toBe('v1\ttrue\ttrue\ttrue\ttrue\t\t\t\n');
  expect(await rig.ok('acr', 'repository', 'delete', '--image', 'team/app:v1', '--yes')).toEqual({
    manifestsDeleted: [image.digest],
    tagsDeleted: ['v1'],
  });
});

test('--until takes a time from now on', async () => {
  await pushImage(rig.server.url, 'base', 'v1');
  const before = Date.now();
  const end = await rig.ok(
    'acr',
    'lock',
    '--repository',
    'base',
    '--until',
    '2w',
    '--query',
    'changeableAttributes.lockExpiresOn',
  );
  expect(Date.parse(end as string) - before).toBeWithin(14 * 86_400_000 - 1, 14 * 86_400_000 + 120_000);
  await rig.ok('acr', 'unlock', '--repository', 'base');
});

test('repository update and manifest update-metadata say what may be done, and leave the rest', async () => {
  const { digest } = await pushImage(rig.server.url, 'set/app', 'v1');
  const update = ['acr', 'repository', 'update'];
  expect(
    await rig.ok(
      ...update,
      '--image',
      'set/app:v1',
      '--write-enabled',
      'false',
      '--query',
      'changeableAttributes.writeEnabled',
    ),
  ).toBe(false);
  expect(await rig.ok(...update, '--repository', 'set/app', '--list-enabled', 'false', ...attributes)).toMatchObject({
    ...open,
    listEnabled: false,
  });
  const named = ['acr', 'manifest', 'update-metadata', '-n', `set/app@${digest}`];
  expect(await rig.ok(...named, '--read-enabled', 'false', '--query', 'changeableAttributes.readEnabled')).toBe(false);
  expect(await rig.ok(...named, '--read-enabled', '--query', 'changeableAttributes.readEnabled')).toBe(true);
  expect(await rig.ok('acr', 'tag', 'show', '-t', 'set/app:v1', ...attributes)).toMatchObject({
    ...open,
    writeEnabled: false,
  });
});
