import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, ociIndex } from '../../test/http/registry.ts';
import { registryId } from '../../test/support/policies.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';

/* Several processes that are one server; on PostgreSQL each of them is a node. */

let server: TestProcess;
beforeAll(async () => {
  server = await startTestProcess({ settings: { processes: 2, 'gc.interval': '100ms' } });
});
afterAll(() => server[Symbol.asyncDispose]());

const manage = (method: string, name: string, body?: object) =>
  fetch(`${server.url}${registryId(name)}?api-version=2023-07-01`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
const create = async (name: string, properties: object = {}) => {
  const answer = await manage('PUT', name, { location: 'local', sku: { name: 'Premium' }, properties });
  expect(answer.status).toBeWithin(200, 202);
};
/** By the registry's own host; a connection of its own, so that any process may have it. */
const ask = (name: string, path: string, init: Parameters<typeof fetch>[1] = {}) =>
  fetch(`${server.url}${path}`, {
    ...init,
    headers: { ...(init.headers as object), Host: `${name}.localhost`, Connection: 'close' },
    keepalive: false,
  });
/** Of the process that answered. */
const processOf = (answer: Response) => answer.headers.get('x-request-id')!.split('-')[0];

/** Asks until both processes have answered; their answers, each at least one. */
async function askBoth(name: string, path: string, init?: Parameters<typeof fetch>[1]): Promise<Response[]> {
  const answers = new Map<string | undefined, Response[]>();
  for (let count = 0; answers.size < 2; count++) {
    if (count > 1000) throw new Error('one process has answered nothing');
    const answer = await ask(name, path, init);
    answers.set(processOf(answer), [...(answers.get(processOf(answer)) ?? []), answer]);
  }
  return [...answers.values()].flat();
}

const emptyIndex = (n: number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } });
const push = (name: string, n: number) =>
  ask(name, `/v2/app/manifests/v${n}`, { method: 'PUT', body: emptyIndex(n), headers: { 'Content-Type': ociIndex } });

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 45_000; !(await condition());) {
    if (performance.now() > end) throw new Error('it did not come to pass');
    await Bun.sleep(50);
  }
}

test('a registry that was created answers at once, whichever process is asked', async () => {
  for (let n = 0; n < 5; n++) {
    await create(`quick${n}`);
    const answers = await askBoth(`quick${n}`, '/v2/');
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  }
});

test('one that was deleted answers nowhere, and what it held is gone from a registry of the same name', async () => {
  await create('again');
  expect((await push('again', 1)).status).toBe(201);
  expect((await manage('DELETE', 'again')).status).toBeWithin(200, 205);
  await until(async () => (await askBoth('again', '/v2/')).every(({ status }) => status === 403));
  await create('again');
  // A process that means the first one yet refuses what is pushed; none takes what would be collected.
  await until(async () => (await push('again', 2)).status === 201);
  await until(async () => (await askBoth('again', '/v2/app/tags/list')).every(({ status }) => status === 200));
  for (const answer of await askBoth('again', '/v2/app/tags/list'))
    expect(await answer.json()).toEqual({ name: 'app', tags: ['v2'] });
  const first = await askBoth('again', `/v2/app/manifests/${digestOf(emptyIndex(1))}`);
  expect(first.map(({ status }) => status)).toEqual(first.map(() => 404));
});

test('what is pushed while it is deleted and created anew is acknowledged where it stays', async () => {
  await create('bustle');
  const acknowledged: { n: number; begun: number }[] = [];
  let running = true;
  const pushes = (async () => {
    for (let n = 0; running; n++) {
      const begun = performance.now();
      if ((await push('bustle', n)).status === 201) acknowledged.push({ n, begun });
    }
  })();
  for (let round = 0; round < 3; round++) {
    let enough = acknowledged.length + 3;
    await until(async () => acknowledged.length > enough);
    expect((await manage('DELETE', 'bustle')).status).toBeWithin(200, 205);
    const deleted = performance.now();
    await create('bustle');
    enough = acknowledged.length + 3;
    await until(async () => acknowledged.length > enough);
    const since = acknowledged.filter(({ begun }) => begun > deleted).map(({ n }) => `v${n}`);
    // Until it hears of it, a process may still read what is going. What was lost would never come.
    await until(async () => {
      const { tags = [] } = (await (await ask('bustle', '/v2/app/tags/list')).json()) as { tags?: string[] };
      return since.every((tag) => tags.includes(tag));
    });
  }
  running = false;
  await pushes;
});

test('tags, SKU and switches of a registry are changed one by one, in all processes', async () => {
  await create('changes');
  const anonymous = () => askBoth('changes', '/v2/app/tags/list', { anonymous: true });
  expect((await push('changes', 1)).status).toBe(201);
  expect((await anonymous()).map(({ status }) => status)).toContain(401);
  const patch = (body: object) => manage('PATCH', 'changes', body);
  expect((await patch({ properties: { anonymousPullEnabled: true } })).status).toBeWithin(200, 203);
  await until(async () => (await anonymous()).every(({ status }) => status === 200));
  expect((await patch({ sku: { name: 'Standard' }, tags: { team: 'a' } })).status).toBeWithin(200, 203);
  const now = (await (await manage('GET', 'changes')).json()) as Record<string, unknown>;
  expect(now).toMatchObject({
    sku: { name: 'Standard' },
    tags: { team: 'a' },
    properties: { anonymousPullEnabled: true },
  });
  expect((await patch({ properties: { anonymousPullEnabled: false } })).status).toBeWithin(200, 203);
  await until(async () => (await anonymous()).every(({ status }) => status === 401));
});

test('those of the configuration stay', async () => {
  const answer = await manage('DELETE', 'default');
  expect([answer.status, await answer.json()]).toMatchObject([409, { error: { code: 'Conflict' } }]);
  expect((await ask('default', '/v2/')).status).toBe(200);
});
