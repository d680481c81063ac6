import { expect, test } from 'bun:test';
import { RegistryError } from '../errors/index.ts';
import { createOperations, groupScope, subscriptionScope } from '../operations/index.ts';
import type { ManagementOptions } from './index.ts';
import { registries, type Rig, startManagement } from './test-management.double.ts';

const registry = `${groupScope}/providers/${registries.type}/Registry`;
const copy = `${registry}/replications/west`;
const location = 'here';

/** One that seals as anybody may read: what counts here is what it is bound to. */
const sealer = {
  seal: (text: string, boundTo: string) => `${boundTo}|${text}`,
  unseal(sealed: string, boundTo: string) {
    if (!sealed.startsWith(`${boundTo}|`)) throw new Error('sealed for something else');
    return sealed.slice(boundTo.length + 1);
  },
};

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 45_000; !(await condition()); await Bun.sleep(5)) {
    if (Date.now() > end) throw new Error('it did not come to pass');
  }
}

const read = async (rig: Rig, path: string) =>
  (await (await rig.call('GET', path)).json()) as { status?: string; error?: { message: string } };

/** As if the process that took it had been killed: nothing of it runs on, and it wrote nothing more. */
async function begunAndLost(rig: Rig, method: string, path: string, body?: unknown): Promise<string> {
  const begun = await rig.call(method, path, body);
  expect([200, 201, 202]).toContain(begun.status);
  return begun.headers.get('azure-asyncoperation')!;
}

test('what a process has begun, the next one goes on with: create, change, delete, an action', async () => {
  // This one takes requests and carries nothing out, as a process that is killed right after its answer.
  await using rig = await startManagement({ options: { carriesOut: false, sealer } });
  await rig.call('PUT', registry, { location });
  const created = await begunAndLost(rig, 'PUT', copy, { location });
  const changed = await begunAndLost(rig, 'PATCH', copy, { tags: { a: 'b' } });
  const rebuilt = await begunAndLost(rig, 'POST', `${registry}/rebuild`);
  expect(await read(rig, copy)).toMatchObject({ properties: { provisioningState: 'Updating' } });
  const next = rig.another({ carriesOut: true });
  await next.takeUp();
  rig.release.resolve();
  await next.settle();
  expect(rig.begun.toSorted()).toEqual(['patch west', 'put west', 'rebuild with hush after 0 %']);
  for (const status of [created, changed, rebuilt])
    expect(await read(rig, status)).toMatchObject({ status: 'Succeeded', percentComplete: 100 });
  expect(await read(rig, rebuilt)).toMatchObject({
    properties: { rebuilt: 3, progress: { percentComplete: 40, done: 1 } },
  });
  expect(await read(rig, copy)).toMatchObject({ tags: { a: 'b' }, properties: { provisioningState: 'Succeeded' } });
  const deleted = await begunAndLost(rig, 'DELETE', copy);
  await next.takeUp();
  await next.settle();
  expect(await read(rig, deleted)).toMatchObject({ status: 'Succeeded' });
  expect((await rig.call('GET', copy)).status).toBe(404);
});

test('an orderly end breaks it off, and the next process begins where it was', async () => {
  await using rig = await startManagement({ options: { sealer } });
  await rig.call('PUT', registry, { location });
  const status = await begunAndLost(rig, 'POST', `${registry}/rebuild`);
  await until(async () => 'percentComplete' in (await read(rig, status)));
  await rig.management.stop();
  expect(await read(rig, status)).toMatchObject({ status: 'InProgress', percentComplete: 40 });
  const next = rig.another();
  await next.takeUp();
  rig.release.resolve();
  await next.settle();
  expect(rig.begun).toEqual(['rebuild with hush after 0 %', 'rebuild with hush after 40 %']);
  expect(await read(rig, status)).toMatchObject({ status: 'Succeeded' });
});

test('credentials that nothing could be sealed under end with their process, and that is said', async () => {
  await using rig = await startManagement();
  await rig.call('PUT', registry, { location });
  const status = await begunAndLost(rig, 'POST', `${registry}/rebuild`);
  await until(() => rig.begun.length === 1);
  await rig.management.stop();
  const next = rig.another();
  await next.takeUp();
  await next.settle();
  const told = await read(rig, status);
  expect(told).toMatchObject({ status: 'Failed', error: { code: 'OperationFailed' } });
  expect(told.error!.message).toContain('give the credentials again');
  expect(await rig.db.all('SELECT sealed FROM operations', [])).toEqual([{ sealed: null }]);
});

test('what is sealed for one operation is of no use to another', async () => {
  await using rig = await startManagement({ options: { carriesOut: false, sealer } });
  await rig.call('PUT', registry, { location });
  const status = await begunAndLost(rig, 'POST', `${registry}/rebuild`);
  await rig.db.change(`UPDATE operations SET sealed = 'operation other|stolen' RETURNING id`, []);
  const next = rig.another({ carriesOut: true });
  await next.takeUp();
  await next.settle();
  expect(await read(rig, status)).toMatchObject({ status: 'Failed', error: { code: 'InternalServerError' } });
});

test('what ends its process each time is given up after five times, and the resource is not Creating any more', async () => {
  await using rig = await startManagement({ options: { carriesOut: false } });
  await rig.call('PUT', registry, { location });
  const status = await begunAndLost(rig, 'PUT', copy, { location });
  const operations = createOperations(rig.db, { now: () => 0 });
  for (let death = 0; death < 5; death++) await operations.take((await operations.waiting(1))[0]!.id);
  const next = rig.another({ carriesOut: true });
  await next.takeUp();
  await next.settle();
  expect(rig.begun).toEqual([]);
  expect(await read(rig, status)).toMatchObject({ status: 'Failed', error: { code: 'OperationFailed' } });
  expect(await read(rig, copy)).toMatchObject({ properties: { provisioningState: 'Failed' } });
});

/** Another process whose actions fail: the first so many times, with this. */
function failing(rig: Rig, times: number, failure: () => Error, options: Partial<ManagementOptions> = {}) {
  const told: unknown[] = [];
  const process = rig.another({
    carriesOut: true,
    types: [
      {
        type: registries,
        handlers: {
          longActions: {
            rebuild: {
              begin: () => ({ input: undefined }),
              async carryOut() {
                if (told.length < times) throw failure();
                return { rebuilt: 1 };
              },
            },
          },
        },
      },
    ],
    failed: (error) => told.push(error),
    ...options,
  });
  return Object.assign(process, { told });
}

test.each(['57P01', '08006', 'ECONNREFUSED'])(
  'what failed because the database or the bucket was away (%s) is begun again after a while',
  async (code) => {
    await using rig = await startManagement({ options: { carriesOut: false } });
    await rig.call('PUT', registry, { location });
    const status = await begunAndLost(rig, 'POST', `${registry}/rebuild`);
    const next = failing(rig, 1, () => Object.assign(new Error('inside'), { code }));
    const began = performance.now();
    await next.takeUp();
    await until(async () => (await read(rig, status)).status !== 'InProgress');
    expect(await read(rig, status)).toMatchObject({ status: 'Succeeded', properties: { rebuilt: 1 } });
    expect(performance.now() - began).toBeGreaterThan(1000);
    expect(next.told).toHaveLength(1);
  },
);

test('an end of the process does not wait until something is there again', async () => {
  await using rig = await startManagement({ options: { carriesOut: false } });
  await rig.call('PUT', registry, { location });
  const status = await begunAndLost(rig, 'POST', `${registry}/rebuild`);
  const next = failing(rig, 9, () => new RegistryError('UNAVAILABLE'));
  await next.takeUp();
  await until(() => next.told.length > 0);
  const began = performance.now();
  await next.stop();
  expect(performance.now() - began).toBeLessThan(1500);
  expect(await read(rig, status)).toMatchObject({ status: 'InProgress' });
  expect(await rig.db.all('SELECT holder FROM operations', [])).toEqual([{ holder: null }]);
});

test.each([
  [() => Object.assign(new Error('inside'), { code: 'ENOSPC' }), 'InsufficientStorage', 'no space left'],
  [
    () => new RegistryError('MANIFEST_INVALID', { message: 'media type a\0b\ud800 is none' }),
    'BadRequest',
    'media type',
  ],
])('why something failed is told: %p', async (failure, code, says) => {
  await using rig = await startManagement({ options: { carriesOut: false } });
  await rig.call('PUT', registry, { location });
  const status = await begunAndLost(rig, 'POST', `${registry}/rebuild`);
  const next = failing(rig, 1, failure);
  await next.takeUp();
  await next.settle();
  const told = await read(rig, status);
  expect(told).toMatchObject({ status: 'Failed', error: { code } });
  expect(told.error!.message).toContain(says);
});

test('another node that has taken it over ends it alone; the one that was too slow changes nothing', async () => {
  const alive = new Set([1, 2]);
  const isAlive = (column: string) => `COALESCE(${column} IN (${[...alive].join(', ')}), FALSE)`;
  const operationsOf = (rig: Rig, self: number) =>
    createOperations(rig.db, { now: () => 0, claims: { self: () => self, isAlive } });
  await using rig = await startManagement({ options: { carriesOut: false, sealer } });
  await rig.call('PUT', registry, { location });
  const status = await begunAndLost(rig, 'PUT', copy, { location });
  const slow = rig.another({ carriesOut: true, operations: operationsOf(rig, 1) });
  await slow.takeUp();
  await until(() => rig.begun.length === 1);
  const idle = rig.another({ carriesOut: true, operations: operationsOf(rig, 2) });
  await idle.takeUp();
  expect(rig.begun).toHaveLength(1);
  alive.delete(1);
  const quick = rig.another({ carriesOut: true, operations: operationsOf(rig, 2) });
  await quick.takeUp();
  await until(() => rig.begun.length === 2);
  const before = await rig.resources.clock();
  rig.release.resolve();
  await Promise.all([slow.settle(), quick.settle()]);
  expect(await read(rig, status)).toMatchObject({ status: 'Succeeded' });
  // The resource changed once: by who has it.
  expect((await rig.resources.clock()).value - before.value).toBe(1);
});

test('of many at once three of one resource are carried out, one of another beside them, the others after them', async () => {
  await using rig = await startManagement({ options: { carriesOut: false, sealer } });
  const other = registry.replace('/Registry', '/Other');
  for (const id of [registry, other]) await rig.call('PUT', id, { location });
  const all = await Promise.all(Array.from({ length: 10 }, () => begunAndLost(rig, 'POST', `${registry}/rebuild`)));
  const next = rig.another({ carriesOut: true });
  expect(await next.takeUp()).toBe(true);
  await until(() => rig.begun.length === 3);
  expect(await next.takeUp()).toBe(false);
  all.push(await begunAndLost(rig, 'POST', `${other}/rebuild`));
  expect(await next.takeUp()).toBe(false);
  await until(() => rig.begun.length === 4);
  rig.release.resolve();
  await until(async () => {
    const looked = await Promise.all(all.map((status) => read(rig, status)));
    return looked.every(({ status }) => status === 'Succeeded');
  });
  expect(rig.begun).toHaveLength(11);
  await next.stop();
});

test('nobody sees an operation of another resource', async () => {
  await using rig = await startManagement({ options: { carriesOut: false, sealer } });
  await rig.call('PUT', registry, { location });
  const status = await begunAndLost(rig, 'POST', `${registry}/rebuild`);
  const id = status.split('/').at(-1)!.split('?')[0]!;
  const elsewhere = `${subscriptionScope}/resourceGroups/bonded/providers/${registries.type}/Other/operationStatuses/${id}`;
  expect((await rig.call('GET', elsewhere)).status).toBe(404);
});
