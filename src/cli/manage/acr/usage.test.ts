import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { pushBlob, pushImage, randomBytes } from '../../../../test/http/registry.ts';
import { openCommands } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(() => rig[Symbol.asyncDispose]());

const quota = async () => ((await rig.ok('acr', 'show')) as { storageQuota?: object }).storageQuota;

test('a table of usages has sizes as people read them, and says where there is no limit', async () => {
  const { out } = await rig.run(['acr', 'show-usage', '-o', 'table']);
  const rows = out.split('\n').map((row) => row.split(/ {2,}/).join('|'));
  expect(rows).toContain('Size|100.0 TiB|0 B|Bytes');
  expect(rows).toContain('Geo-replications|none|1|Count');
  const tsv = await rig.run(['acr', 'show-usage', '-o', 'tsv']);
  expect(tsv.out).toStartWith(`Size\t${100 * 1024 ** 4}\t0\tBytes\n`);
});

describe('storage limits', () => {
  test('are set by size, changed one by one, and taken away', async () => {
    expect(await quota()).toBeUndefined();
    await rig.ok('acr', 'update', '-n', 'default', '--storage-limit', '2GiB');
    expect(await quota()).toEqual({ limitBytes: 2 ** 31 });
    await rig.ok('acr', 'update', '-n', 'default', '--repository-storage-limits', 'build=1MiB', 'team/*=512KiB');
    const repositories = [
      { repository: 'build', limitBytes: 2 ** 20 },
      { repository: 'team/*', limitBytes: 2 ** 19 },
    ];
    expect(await quota()).toEqual({ limitBytes: 2 ** 31, repositories });
    await rig.ok('acr', 'update', '-n', 'default', '--storage-limit', 'none');
    expect(await quota()).toEqual({ repositories });
    await rig.ok('acr', 'update', '-n', 'default', '--repository-storage-limits', '');
    expect(await quota()).toEqual({});
    await rig.ok('acr', 'create', '-n', 'limited', '--storage-limit', '5GiB');
    expect(await rig.ok('acr', 'show', '-n', 'limited', '--query', 'storageQuota')).toEqual({
      limitBytes: 5 * 2 ** 30,
    });
  });

  test('that are none are refused', async () => {
    for (const [flag, value] of [
      ['--storage-limit', 'much'],
      ['--storage-limit', '5GB'],
      ['--repository-storage-limits', 'build'],
      ['--repository-storage-limits', 'build=-1'],
    ] as const) {
      const { code, error } = await rig.run(['acr', 'update', '-n', 'default', flag, value]);
      expect(code).not.toBe(0);
      expect(error).toContain(flag);
    }
    const { code, error } = await rig.run(['acr', 'update', '-n', 'default', '--repository-storage-limits', 'A=1']);
    expect([code === 0, error]).toEqual([false, expect.stringContaining('must be a repository')]);
  });
});

test('the largest repositories are shown with what is theirs alone, and their limits', async () => {
  const { url } = rig.server;
  const layer = randomBytes(3_000_000);
  await pushBlob(url, 'big', layer);
  await pushBlob(url, 'big', randomBytes(2_000_000));
  await pushBlob(url, 'shares', layer);
  await pushImage(url, 'small', 'v1');
  const limits = ['--storage-limit', '10MiB', '--repository-storage-limits', 'big=5MiB'];
  await rig.ok('acr', 'update', '-n', 'default', ...limits);
  const { out, error } = await rig.run(['acr', 'usage', 'repositories', '-o', 'table']);
  expect(error).toBe('The registry stores 4.8 MiB of 10.0 MiB (47 %).\n');
  expect(out).toMatch(/^Name +Size +Unique +Shared +Limit +Used +Blobs +Manifests\n/);
  expect(out).toMatch(
    /\nbig +4\.8 MiB +1\.9 MiB +2\.9 MiB +5\.0 MiB +95 % +2 +0\nshares +2\.9 MiB +0 B +2\.9 MiB +1 +0\nsmall /,
  );
  const rows = (await rig.ok('acr', 'usage', 'repositories', '--top', '2')) as object[];
  expect(rows).toMatchObject([
    { name: 'big', bytes: 5_000_000, uniqueBytes: 2_000_000, sharedBytes: 3_000_000, limitBytes: 5 * 2 ** 20 },
    { name: 'shares', bytes: 3_000_000, uniqueBytes: 0, sharedBytes: 3_000_000 },
  ]);
  expect((await rig.run(['acr', 'usage', 'repositories', '--top', '1001'])).code).not.toBe(0);
});
