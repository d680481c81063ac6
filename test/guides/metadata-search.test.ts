import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { fetch } from '../http/fetch.ts';
import { pushImage } from '../http/registry.ts';
import { managementOf, registry } from '../support/management.ts';
import { startTestApp } from '../support/server.ts';

const guide = await Bun.file(join(import.meta.dir, '../../docs/guides/metadata-search.md')).text();

/** Words in code, of lines that begin so. */
const wordsOf = (start: RegExp) =>
  guide
    .split('\n')
    .filter((line) => start.test(line))
    .flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, word]) => word!));

test('each query, column and function of the guide is taken', async () => {
  await using server = await startTestApp();
  await managementOf(server.url).patch(registry, { metadataSearch: 'Enabled' });
  await pushImage(server.url, 'team/app', 'v1');
  const ask = async (query: string) => {
    const body = JSON.stringify({ query });
    const answer = await fetch(`${server.url}/acr/v1/_metadata/_query`, { method: 'POST', body });
    return [query, answer.status, answer.status === 200 ? '' : await answer.text()];
  };
  const queries = [...guide.matchAll(/-q "([^"]+)"/g)].map(([, query]) => query!);
  expect(queries.length).toBe(4);
  const table = guide.slice(guide.indexOf('## Columns'), guide.indexOf('## The language'));
  const columns = [...table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, names]) => names!.match(/\w+/g)!);
  expect(columns.length).toBe(18);
  const shown = await (
    await fetch(`${server.url}/acr/v1/_metadata/_query`, { method: 'POST', body: '{"query": "Manifests | project x"}' })
  ).json();
  const known = /there are ([^;"]+)/.exec(JSON.stringify(shown))![1]!.split(', ');
  expect(columns.toSorted()).toEqual(known.toSorted());
  const functions = wordsOf(/^\| functions/);
  expect(functions.length).toBeGreaterThan(15);
  const values = [...wordsOf(/^\| members/), ...wordsOf(/^\| values/).filter((one) => !one.startsWith('`'))];
  for (const query of [...queries, ...values.map((value) => `Manifests | extend x = ${value}`)])
    expect(await ask(query)).toEqual([query, 200, '']);
  for (const name of functions)
    expect((await ask(`Manifests | extend x = ${name}(1, 2, 3)`))[2]).not.toContain('is not served');
});
