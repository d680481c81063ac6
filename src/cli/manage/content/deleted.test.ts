import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { digestOf, ociIndex, putManifest } from '../../../../test/http/registry.ts';
import { openCommands } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(() => rig[Symbol.asyncDispose]());

const index = (n: number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } });
const digest = (n: number) => digestOf(index(n));
const push = async (name: string, tag: string, n: number) =>
  expect((await putManifest(rig.server.url, name, tag, index(n), ociIndex)).status).toBe(201);
const acr = (...words: string[]) => rig.ok('acr', ...words);
const manifest = (...words: string[]) => acr('manifest', ...words);
const refused = async (...words: string[]) => {
  const { code, error } = await rig.run(['acr', ...words]);
  return [code, error.trim()] as const;
};

describe('acr config soft-delete', () => {
  test('shows what is so, changes what is said, and asks before some of what is kept may go', async () => {
    const config = (...words: string[]) => acr('config', 'soft-delete', ...words);
    expect(await config('show')).toEqual({ status: 'disabled', retentionDays: 7 });
    expect(await config('update', '--status', 'enabled')).toMatchObject({ status: 'enabled', retentionDays: 7 });
    expect(await config('update', '-r', 'default', '--days', '14')).toMatchObject({
      status: 'enabled',
      retentionDays: 14,
      lastUpdatedTime: expect.any(String),
    });
    const [code, error] = await refused('config', 'soft-delete', 'update', '--days', '3');
    expect([code, error]).toEqual([2, expect.stringContaining('--yes says that it is meant')]);
    expect(await config('show', '--query', 'retentionDays')).toBe(14);
    expect(await config('update', '--days', '3', '--yes', '--query', 'retentionDays')).toBe(3);
    expect((await refused('config', 'soft-delete', 'update'))[1]).toContain('--status or --days');
    expect((await refused('config', 'soft-delete', 'update', '--days', '91'))[1]).toContain('from 1 to 90');
  });
});

describe('what was deleted', () => {
  beforeAll(() => acr('config', 'soft-delete', 'update', '--status', 'enabled'));

  test('is listed with its tags, and restored by the tag that it had last', async () => {
    for (const n of [1, 2]) {
      await push('team/app', 'v1', n);
      await manifest('delete', '--name', 'team/app:v1', '--yes');
    }
    expect(await acr('repository', 'list-deleted')).toEqual(['team/app']);
    const listed = await manifest('list-deleted', '-n', 'team/app', '--orderby', 'time_asc', '--query', '[].digest');
    expect(listed).toEqual([digest(1), digest(2)]);
    expect(await manifest('list-deleted-tags', '-n', 'team/app:v1', '--query', '[].[tag, digest]')).toEqual([
      ['v1', digest(1)],
      ['v1', digest(2)],
    ]);
    expect(await manifest('list-deleted-tags', '-n', 'team/app', '--top', '1', '--query', 'length(@)')).toBe(1);
    const { out } = await rig.run(['acr', 'manifest', 'list-deleted', '-n', 'team/app', '-o', 'table']);
    expect(out.split('\n')[0]).toMatch(/^Digest +Tags +Size +Deleted +By +Purge/);
    const { code, error } = await rig.run(['acr', 'manifest', 'restore', '-n', 'team/app:v1', '--yes']);
    expect([code, error]).toEqual([0, expect.stringContaining(`${digest(2)} was deleted last`)]);
    expect(await manifest('show-metadata', '-n', 'team/app:v1', '--query', 'digest')).toBe(digest(2));
  });

  test('is restored by its digest, with a tag or without, and with force over one that is there', async () => {
    await push('one', 'v1', 1);
    await manifest('delete', '--name', 'one:v1', '--yes');
    await push('one', 'v1', 2);
    const [code, error] = await refused('manifest', 'restore', '-n', 'one:v1', '-d', digest(1));
    expect([code, error]).toEqual([1, expect.stringContaining('say force to move it')]);
    const forced = await manifest('restore', '-n', 'one:v1', '-d', digest(1), '--force');
    expect(forced).toMatchObject({ imageName: 'one', tag: 'v1', restored: [digest(1)] });
    await manifest('delete', '--name', `one@${digest(2)}`, '--yes');
    expect(await manifest('restore', `${rig.server.host}/one@${digest(2)}`, '--query', 'tag')).toBeNull();
    expect(await refused('manifest', 'restore', '-n', 'one:v9')).toEqual([
      1,
      expect.stringContaining('had the tag one:v9'),
    ]);
    expect((await refused('manifest', 'restore', '-n', `one@${digest(1)}`, '-d', digest(1)))[0]).toBe(2);
  });

  test('is purged by its digest, once that is meant', async () => {
    await push('two', 'v1', 1);
    await manifest('delete', '--name', 'two:v1', '--yes');
    const purge = ['manifest', 'purge-deleted', '-n', `two@${digest(1)}`] as const;
    expect((await refused(...purge))[1]).toContain('--yes says that it is meant');
    await acr(...purge, '--yes');
    expect((await refused(...purge, '--yes'))[0]).toBe(3);
    expect((await refused('manifest', 'purge-deleted', '-n', 'two:v1', '--yes'))[1]).toContain('REPOSITORY@DIGEST');
    expect(await acr('repository', 'list-deleted', '--query', "contains(@, 'two')")).toBe(false);
  });
});
