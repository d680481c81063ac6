import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { connectToWorkers } from '../../test/http/worker-connections.ts';
import { registry } from '../../test/support/management.ts';
import { startTestApp, startTestProcess } from '../../test/support/server.ts';
import { tiersOf } from '../../test/support/tiers.ts';

/* Resources that are there as long as nobody has written them. */

const version = 'api-version=2025-11-01';
const json = { 'Content-Type': 'application/json' };

test('one that somebody has written is listed once and written on; there is none where nothing is', async () => {
  await using server = await startTestApp();
  const id = `${server.url}${registry}/scanning/default?${version}`;
  const body = JSON.stringify({ properties: { sbomRepositories: ['team/*'] } });
  for (const [method, status] of [
    ['PUT', 200],
    ['PATCH', 200],
  ] as const) {
    const written = await fetch(id, { method, body, headers: { ...json, 'If-Match': '*' } });
    expect([method, written.status]).toEqual([method, status]);
  }
  const nowhere = registry.replace(/default$/, 'mistyped');
  expect((await fetch(`${server.url}${nowhere}/scanning/default?${version}`)).status).toBe(404);
  const listed = await fetch(`${server.url}${registry}/scanning?${version}`);
  const { value } = (await listed.json()) as { value: { properties: object }[] };
  expect(value.map(({ properties }) => properties)).toMatchObject([{ sbomRepositories: ['team/*'] }]);
});

test('a tier that one process has edited or reset is there once for another, at once', async () => {
  await using server = await startTestProcess({ settings: { processes: 2 } });
  const [one, other] = await connectToWorkers(Number(new URL(server.url).port), 2);
  const { tierId } = tiersOf(server.url);
  const basic = `${tierId('Basic')}?${version}`;
  const properties = { description: 'ours' };
  // A process hears of it within half a second by itself: some of these come sooner.
  for (let round = 0; round < 5; round++) {
    const edited = await one!.send('PATCH', basic, { body: JSON.stringify({ properties }), headers: json });
    const listed = await other!.send('GET', `${tierId('').replace(/\/$/, '')}?${version}`);
    const { value } = JSON.parse(listed.body) as { value: { name: string }[] };
    expect(value.map(({ name }) => name).toSorted()).toEqual(['Basic', 'Premium', 'Standard', 'acr-premium']);
    const reset = await one!.send('DELETE', basic);
    const shown = await other!.send('GET', basic);
    expect([edited.status, reset.status, shown.status]).toEqual([200, 200, 200]);
    expect(JSON.parse(shown.body)).toMatchObject({ properties: { description: 'As ACR Basic.', modified: false } });
  }
  for (const connection of [one!, other!]) connection[Symbol.dispose]();
}, 120_000);
