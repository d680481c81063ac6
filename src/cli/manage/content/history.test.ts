import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../../../test/http/fetch.ts';
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
  (await putManifest(rig.server.url, name, tag, index(n), ociIndex)).status;
const tag = (...words: string[]) => rig.ok('acr', 'tag', ...words);
const refused = async (...words: string[]) => {
  const { code, error } = await rig.run(['acr', 'tag', ...words]);
  return [code, error.trim()];
};

describe('acr tag', () => {
  test('history lists every move, of a deleted tag, too; undelete brings it back, or to where it was', async () => {
    for (const n of [1, 2]) expect(await push('team/app', 'v1', n)).toBe(201);
    await tag('delete', '--image', 'team/app:v1');
    expect(await tag('history', '--image', 'team/app:v1', '--query', '[].[action, digest, by.id]')).toEqual([
      ['deleted', null, 'operator'],
      ['moved', digest(2), 'operator'],
      ['moved', digest(1), 'operator'],
    ]);
    const words = ['--name', 'default', '--repository', 'team/app', '--tag', 'v1'];
    expect(await tag('undelete', ...words, '--query', 'digest')).toBe(digest(2));
    expect(await tag('history', ...words, '--top', '1', '--query', '[0].digest')).toBe(digest(2));
    const { out } = await rig.run(['acr', 'tag', 'history', ...words, '-o', 'table']);
    expect(out.split('\n')[0]).toMatch(/^Time +Action +Digest +ManifestExists +By/);

    const [code, error] = await refused('undelete', ...words, '--digest', digest(1));
    expect([code, error]).toEqual([1, expect.stringContaining(`names ${digest(2)}; say force to move it`)]);
    expect(await tag('undelete', ...words, '--digest', digest(1), '--force', '--query', 'digest')).toBe(digest(1));
  });

  test('undelete says that a manifest is gone, or a tag never was', async () => {
    await push('gone', 'v1', 1);
    await push('gone', 'v2', 2);
    await fetch(`${rig.server.url}/v2/gone/manifests/${digest(1)}`, { method: 'DELETE' });
    expect(await refused('undelete', '--image', 'gone:v1')).toEqual([3, expect.stringContaining('was deleted since')]);
    expect(await refused('undelete', '--image', 'gone:v9')).toEqual([
      3,
      expect.stringContaining('nothing is remembered'),
    ]);
  });

  test('history and undelete are told what is meant', async () => {
    for (const words of [[], ['--tag', 'v1'], ['--image', 'a:v1', '--tag', 'v1'], ['--image', `a@${digest(1)}`]])
      expect((await refused('history', ...words))[0]).toBe(2);
  });
});

describe('acr tag immutability', () => {
  test('is set, listed and taken away, for the registry and for repositories', async () => {
    await tag('immutability', 'set', '--mode', 'IMMUTABLE_WITH_EXCLUSION', '--exclude', 'latest', 'dev-*');
    await tag('immutability', 'set', '--repository', 'free/*', '--mode', 'MUTABLE');
    await tag('immutability', 'set', '--repository', 'strict', '--mode', 'IMMUTABLE');
    await tag('immutability', 'set', '--repository', 'free/*', '--mode', 'MUTABLE_WITH_EXCLUSION', '--exclude', 'v*');
    expect(await tag('immutability', 'list')).toEqual([
      { repository: '*', mode: 'IMMUTABLE_WITH_EXCLUSION', exclusions: ['latest', 'dev-*'] },
      { repository: 'strict', mode: 'IMMUTABLE', exclusions: [] },
      { repository: 'free/*', mode: 'MUTABLE_WITH_EXCLUSION', exclusions: ['v*'] },
    ]);
    const outcomes = async (name: string, at: string) => [await push(name, at, 1), await push(name, at, 2)];
    expect(await outcomes('any', 'v1')).toEqual([201, 409]);
    expect(await outcomes('any', 'latest')).toEqual([201, 201]);
    expect(await outcomes('strict', 'latest')).toEqual([201, 409]);
    expect(await outcomes('free/a', 'v1')).toEqual([201, 409]);
    expect(await outcomes('free/a', 'w1')).toEqual([201, 201]);
    await tag('immutability', 'remove', '--repository', 'strict');
    expect(await push('strict', 'latest', 2)).toBe(201);
    expect(await refused('immutability', 'remove', '--repository', 'strict')).toEqual([
      2,
      expect.stringContaining('there is no rule of strict'),
    ]);
    expect(await refused('undelete', '--image', 'free/a:v1', '--digest', digest(2))).toEqual([3, expect.any(String)]);
    await rig.ok('acr', 'update', '--name', 'default', '--tag-immutability', 'MUTABLE');
    expect(await push('any', 'v1', 2)).toBe(201);
  });

  test('by acr update, with its filters and without those of before', async () => {
    const update = (...words: string[]) => rig.ok('acr', 'update', '--name', 'default', ...words);
    const mode = ['--tag-immutability', 'IMMUTABLE_WITH_EXCLUSION', '--tag-immutability-exclusions', 'x*'];
    expect(await update(...mode, '--query', 'tagImmutability')).toEqual({
      mode: 'IMMUTABLE_WITH_EXCLUSION',
      exclusionFilters: [{ filterType: 'WILDCARD', filter: 'x*' }],
    });
    expect(await update('--tag-immutability', 'MUTABLE', '--query', 'tagImmutability')).toEqual({
      mode: 'MUTABLE',
      exclusionFilters: [],
    });
    for (const words of [
      ['--tag-immutability-exclusions', 'x'],
      ['--tag-immutability', 'IMMUTABLE_WITH_EXCLUSION'],
      ['--tag-immutability', 'IMMUTABLE', '--tag-immutability-exclusions', 'x'],
      ['--tag-immutability', 'FROZEN'],
    ])
      expect((await rig.run(['acr', 'update', '--name', 'default', ...words])).code).toBe(2);
  });
});
