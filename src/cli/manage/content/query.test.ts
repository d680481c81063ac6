import { afterAll, beforeAll, expect, test } from 'bun:test';
import { ociIndex, putManifest } from '../../../../test/http/registry.ts';
import { openCommands } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
  for (const n of [1, 2, 3]) {
    const body = { schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } };
    await putManifest(rig.server.url, n === 3 ? 'other' : 'team/app', `v${n}`, JSON.stringify(body), ociIndex);
  }
});
afterAll(() => rig[Symbol.asyncDispose]());

const query = (text: string, ...words: string[]) => ['acr', 'query', '-q', text, ...words];

test('acr query says how to turn it on, and acr update does', async () => {
  const [code, error] = await rig.refused(...query('Manifests'));
  expect(code).toBe(1);
  expect(error).toContain('metadata search is disabled');
  const [, command] = /bonded (acr update [-A-Za-z ]+search)/.exec(error)!;
  await rig.ok(...command!.replace('NAME', 'default').split(' '));
  const shown = ['acr', 'show', '--name', 'default', '--query', 'metadataSearch'];
  expect(await rig.ok(...shown)).toBe('Enabled');
  expect(await rig.ok(...query('Manifests | count', '--query', 'data'))).toEqual([{ Count: 3 }]);
  await rig.ok('acr', 'update', '--name', 'default', '--allow-metadata-search', 'false');
  expect(await rig.ok(...shown)).toBe('Disabled');
  await rig.ok('acr', 'update', '--name', 'default', '--allow-metadata-search');
});

test('its answer is a page as the registry has it, its table the rows', async () => {
  const tags = 'Manifests | order by repository asc, createdAt asc | project repository, n = annotations.n, tags';
  expect(await rig.ok(...query(tags, '--repository', 'team/app'))).toEqual({
    count: 2,
    $skipToken: '',
    data: [
      { repository: 'team/app', n: '1', tags: ['v1'] },
      { repository: 'team/app', n: '2', tags: ['v2'] },
    ],
  });
  expect((await rig.run(query(tags, '-o', 'table'))).out).toBe(
    'Repository  N\n----------  -\nother       3\nteam/app    1\nteam/app    2\n',
  );
  expect((await rig.run(query(tags, '-o', 'tsv', '--query', 'data[].n'))).out).toBe('3\n1\n2\n');
});

test('--top is how many rows there are, and --skip-token goes on behind them', async () => {
  const all = query('Manifests | order by tostring(annotations.n) asc | project n = annotations.n');
  const first = (await rig.ok(...all, '--top', '2')) as { $skipToken: string };
  expect<object>(first).toEqual({ count: 2, $skipToken: expect.any(String), data: [{ n: '1' }, { n: '2' }] });
  const rest = { count: 1, $skipToken: '', data: [{ n: '3' }] };
  expect(await rig.ok(...all, '--skip-token', first.$skipToken)).toEqual(rest);
  expect(await rig.ok(...all, '--top', '9')).toMatchObject({ count: 3 });
});

test('what is wrong with a query is said with its place', async () => {
  const [code, error] = await rig.refused(...query('Manifests | where size > "1"'));
  expect([code, error]).toEqual([
    1,
    expect.stringContaining('query, character 24: a number cannot be compared with a string'),
  ]);
});
