import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, randomBytes } from '../../test/http/registry.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';
import { until, workersOf } from '../../test/support/worker-processes.ts';

/* Several processes that are one server; on PostgreSQL each of them is a node. */

const kib = 1024;
let server: TestProcess;
beforeAll(async () => {
  server = await startTestProcess({ settings: { processes: 2 } });
});
afterAll(() => server[Symbol.asyncDispose]());

const stored = async () => {
  const { bytes } = (await managementOf(server.url).post(`${registry}/listStorage`, {})) as { bytes: number };
  return bytes;
};
/** A connection of its own, so that any process may have it. */
const push = (name: string, body: Uint8Array<ArrayBuffer>, digest = digestOf(body)) =>
  fetch(`${server.url}/v2/${name}/blobs/uploads/?digest=${digest}`, {
    method: 'POST',
    body,
    headers: { Connection: 'close' },
    keepalive: false,
  });
const processOf = (answer: Response) => answer.headers.get('x-request-id')!.split('-')[0];

/** A process hears of a limit within a second. What is asked with is never stored: it is not what its digest says. */
async function known(name: string): Promise<void> {
  const processes = new Set<string | undefined>();
  for (const end = performance.now() + 45_000; processes.size < 2;) {
    if (performance.now() > end) throw new Error('one of the processes knows no limit');
    const answer = await push(name, randomBytes(kib * kib), digestOf('something else'));
    if (answer.status === 403) processes.add(processOf(answer));
  }
}

test('two processes fill a registry, and a repository of it, to the last byte', async () => {
  const { patch } = managementOf(server.url);
  const before = await stored();
  const limitBytes = before + 200 * kib;
  await patch(registry, {
    storageQuota: { limitBytes, repositories: [{ repository: 'small', limitBytes: 50 * kib }] },
  });
  await known('small');
  await known('large');
  expect(await stored()).toBe(before);
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      const answer = await push(n % 2 ? 'small' : `large/${n % 3}`, randomBytes(10 * kib));
      return { status: answer.status, process: processOf(answer), small: n % 2 === 1 };
    }),
  );
  expect(new Set(outcomes.map(({ process }) => process)).size).toBe(2);
  const done = outcomes.filter(({ status }) => status === 201);
  expect(outcomes.filter(({ status }) => status === 403)).toHaveLength(60 - done.length);
  // Five fit into the one; of all, twenty.
  expect(done.filter(({ small }) => small).length).toBeLessThanOrEqual(5);
  expect(done).toHaveLength(20);
  expect(await stored()).toBe(limitBytes);
});

test('a process that is killed with parts of what is left keeps nothing from the others', async () => {
  const { patch } = managementOf(server.url);
  const mib = kib * kib;
  const before = await stored();
  // Enough for slices, which the processes take beside the pushes.
  const limitBytes = before + 80 * mib;
  await patch(registry, { storageQuota: { limitBytes } });
  const processes = new Set<string | undefined>();
  for (const end = performance.now() + 45_000; processes.size < 2;) {
    if (performance.now() > end) throw new Error('one of the processes knows no limit');
    const answer = await push('large/0', randomBytes(81 * mib), digestOf('something else'));
    if (answer.status !== 403) continue;
    // It may be the limit of the test before.
    const { errors } = (await answer.json()) as { errors: { detail: { limit: number } }[] };
    if (errors[0]!.detail.limit === limitBytes) processes.add(processOf(answer));
  }
  const small = await Promise.all(Array.from({ length: 40 }, () => push('large/0', randomBytes(kib))));
  expect(small.map(({ status }) => status)).toEqual(Array(40).fill(201));
  expect(new Set(small.map(processOf)).size).toBe(2);

  const [killed] = await workersOf(server);
  process.kill(killed!, 'SIGKILL');
  await until(async () => {
    const workers = await workersOf(server);
    return workers.length === 2 && !workers.includes(killed!);
  }, 60_000);
  let left = limitBytes - (await stored());
  for (const size of [7 * mib, mib, 100 * kib, kib]) {
    while (left >= size) {
      const wave = Array.from({ length: Math.min(4, Math.floor(left / size)) }, () =>
        push('large/1', randomBytes(size)),
      );
      const statuses = (await Promise.all(wave)).map(({ status }) => status);
      expect(statuses).toEqual(Array(wave.length).fill(201));
      left -= size * wave.length;
    }
    expect((await push('large/1', randomBytes(left + 1))).status).toBe(403);
  }
  expect(await stored()).toBe(limitBytes);
}, 120_000);
