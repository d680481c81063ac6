import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, ociIndex, openUpload, putManifest } from '../../test/http/registry.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { basic } from '../../test/support/people.ts';
import { startTestApp } from '../../test/support/server.ts';
import { tiersOf } from '../../test/support/tiers.ts';

/* Each test has a tier of its own, and a registry of its own with that. */

type Server = Awaited<ReturnType<typeof startTestApp>>;
let server: Server;
let tiers: ReturnType<typeof tiersOf>;
let count = 0;
beforeAll(async () => {
  server = await startTestApp();
  tiers = tiersOf(server.url);
});
afterAll(() => server[Symbol.asyncDispose]());

interface Registry {
  name: string;
  ask(path: string, init?: Parameters<typeof fetch>[1]): Promise<Response>;
}

/** A registry whose tier has these rates. */
async function registryWith(rates: object, features: object = {}): Promise<Registry> {
  const name = `rated${++count}`;
  await tiers.put(name, { rates, features });
  await tiers.use(name, name);
  const ask = (path: string, init: Parameters<typeof fetch>[1] = {}) =>
    fetch(`${server.url}${path}`, { ...init, headers: { ...(init.headers as object), Host: `${name}.localhost` } });
  return { name, ask };
}

const index = (n: number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } });
const push = ({ ask }: Registry, n = 0) =>
  ask(`/v2/app/manifests/v${n}`, { method: 'PUT', body: index(n), headers: { 'Content-Type': ociIndex } });
const pull = ({ ask }: Registry) => ask('/v2/app/manifests/v0');

/** Asks one after the other until one is refused; how many were not, and in which time (minutes). */
async function untilRefused(ask: () => Promise<Response>, most = 200) {
  const began = performance.now();
  for (let passed = 0; passed < most; passed++) {
    const answer = await ask();
    if (answer.status === 429) return { passed, refused: answer, minutes: (performance.now() - began) / 60_000 };
    await answer.text();
  }
  throw new Error(`none of ${most} was refused`);
}

/** That as many passed as a bucket held, and what filled meanwhile, however long it took. */
function expectBurst({ passed, minutes }: { passed: number; minutes: number }, held: number, perMinute = held): void {
  expect(passed).toBeGreaterThanOrEqual(held);
  expect(passed).toBeLessThanOrEqual(held + perMinute * minutes + 2);
}

/** How many writes have begun to wait so far. */
async function waitsBegun(): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const sum = (line: RegExp) => [...text.matchAll(line)].reduce((all, [, value]) => all + Number(value), 0);
  const ended = sum(/^bonded_throttle_wait_seconds_count(?:\{[^}]*\})? (\d+)$/gm);
  return ended + sum(/^bonded_throttle_waits_active (\d+)$/gm);
}

const isNobodyWaiting = async () =>
  /^bonded_throttle_waits_active 0$/m.test(await (await fetch(`${server.url}/metrics`)).text());

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 45_000; !(await condition()); await Bun.sleep(10)) {
    if (performance.now() > end) throw new Error('what was waited for did not happen');
  }
}

const both = (perMinute: number) => ({ registry: perMinute, identity: perMinute });

describe('a rate', () => {
  test('of reads counts a search, which is sent as a POST', async () => {
    const rated = await registryWith({ dataplaneRead: { registry: -1, identity: 20 }, dataplaneWrite: both(1) });
    const search = () => rated.ask('/acr/v1/_metadata/_query', { method: 'POST', body: '{}' });
    expectBurst(await untilRefused(search), 20);
  });

  test('lets a burst pass, then answers 429 with whose it is, the tier, and a time that counts down', async () => {
    const rated = await registryWith({ dataplaneRead: { registry: -1, identity: 40 } });
    expect((await push(rated)).status).toBe(201);
    const burst = await untilRefused(() => pull(rated));
    expectBurst(burst, 40);
    const { refused } = burst;
    const first = Number(refused.headers.get('retry-after'));
    expect(first).toBeWithin(1, 61);
    const error = await errorOf(refused);
    expect(error).toMatchObject({
      code: 'TOOMANYREQUESTS',
      detail: { tier: rated.name, category: 'dataplaneRead', level: 'identity' },
    });
    expect(error.message).toContain(
      `this identity has used up the requests a minute that the tier ${rated.name} allows`,
    );
    expect(error.message).not.toContain('aka.ms');
    let last = first;
    for (const end = performance.now() + 2500; performance.now() < end;) {
      const answer = await pull(rated);
      if (answer.status === 429) {
        const next = Number(answer.headers.get('retry-after'));
        expect(next).toBeLessThanOrEqual(last);
        last = next;
      }
      await answer.text();
      await Bun.sleep(20);
    }
    expect(last).toBeLessThan(first);
    // Continuously filled: somebody gets in again without waiting for the whole minute.
    await Bun.sleep(2000);
    expect((await pull(rated)).status).toBe(200);
  });

  test('of one category leaves the others alone, and so does that of one registry', async () => {
    const [rated, other] = [
      await registryWith({ dataplaneRead: both(5) }),
      await registryWith({ dataplaneRead: both(5) }),
    ];
    expect((await push(rated)).status).toBe(201);
    await untilRefused(() => pull(rated));
    expect((await push(rated, 1)).status).toBe(201);
    expect((await rated.ask('/v2/app/manifests/v1', { method: 'DELETE' })).status).toBe(202);
    expect((await pull(other)).status).toBe(404);
  });

  test('says of each answer what is left, of misses and refusals too', async () => {
    const rated = await registryWith({ dataplaneRead: { registry: 60, identity: 30 } });
    const first = await pull(rated);
    expect(first.status).toBe(404);
    expect(first.headers.get('ratelimit-policy')).toBe('"identity";q=30;w=60, "registry";q=60;w=60');
    const leftOf = (answer: Response) =>
      [...answer.headers.get('ratelimit')!.matchAll(/"(\w+)";r=(\d+);t=(\d+)/g)].map(([, level, r]) => [
        level,
        Number(r),
      ]);
    const [[, identity], [, all]] = leftOf(first) as [[string, number], [string, number]];
    expect(identity).toBeWithin(27, 30);
    expect(all).toBeWithin(57, 60);
    const { refused } = await untilRefused(() => pull(rated));
    expect(leftOf(refused)[0]).toEqual(['identity', 0]);
  });

  test('that is none has no headers, and neither does one that was taken away', async () => {
    const rated = await registryWith({});
    expect((await pull(rated)).headers.get('ratelimit')).toBeNull();
    await tiers.patch(rated.name, { rates: { dataplaneRead: both(2) } });
    await untilRefused(() => pull(rated));
    await tiers.patch(rated.name, { rates: { dataplaneRead: both(-1) } });
    const after = await pull(rated);
    expect([after.status, after.headers.get('ratelimit')]).toEqual([404, null]);
  });

  test('of tokens counts requests to the token endpoint, all callers together', async () => {
    const rated = await registryWith({ oauth: { registry: 6 } });
    const token = () => rated.ask(`/oauth2/token?service=${rated.name}.localhost`);
    const burst = await untilRefused(token);
    expectBurst(burst, 6);
    expect((await errorOf(burst.refused)).detail).toMatchObject({ category: 'oauth', level: 'registry' });
    expect((await rated.ask('/oauth2/keys')).status).toBe(200);
    expect((await pull(rated)).status).toBe(404);
  });
});

test('each request is counted in its category, of both data planes; the management API in none', async () => {
  const only = (perMinute: number) => ({ registry: perMinute, identity: -1 });
  const rated = await registryWith({
    dataplaneRead: only(1001),
    dataplaneWrite: only(1002),
    dataplaneDelete: only(1003),
    listReferrers: only(1004),
    oauth: { registry: 1005 },
  });
  const digest = digestOf('nothing');
  const asked = [
    ['GET', '/v2/', 1001],
    ['HEAD', '/v2/app/manifests/v1', 1001],
    ['GET', `/v2/app/blobs/${digest}`, 1001],
    ['GET', '/v2/app/tags/list', 1001],
    ['GET', '/v2/_catalog', 1001],
    ['GET', `/v2/app/referrers/${digest}`, 1001],
    ['GET', '/acr/v1/_catalog', 1001],
    ['POST', '/v2/app/blobs/uploads/', 1002],
    ['PUT', '/v2/app/manifests/v1', 1002],
    ['PATCH', '/acr/v1/app', 1002],
    ['DELETE', '/v2/app/manifests/v1', 1003],
    ['DELETE', '/acr/v1/app', 1003],
    ['GET', '/oauth2/token', 1005],
    ['POST', '/oauth2/exchange', 1005],
    ['GET', '/subscriptions?api-version=2022-12-01', undefined],
    ['GET', '/.well-known/openid-configuration', undefined],
  ] as const;
  const counted = await Promise.all(
    asked.map(async ([method, path]) => {
      const policy = (await rated.ask(path, { method })).headers.get('ratelimit-policy');
      return [method, path, policy === null ? undefined : Number(/q=(\d+)/.exec(policy)?.[1])];
    }),
  );
  expect(counted).toEqual(asked.map((one) => [...one]));
});

describe('an identity', () => {
  test('has a rate of its own; the registry has one for all', async () => {
    const rated = await registryWith({ dataplaneRead: { registry: 15, identity: 10 } });
    const manage = managementOf(server.url);
    const own = registry.replace('/default', `/${rated.name}`);
    const map = await manage.put(`${own}/scopeMaps/readers`, { actions: ['repositories/app/content/read'] });
    const { id: tokenId } = await manage.put(`${own}/tokens/reader`, { scopeMapId: map.id });
    const made = (await manage.post(`${own}/generateCredentials`, { tokenId, name: 'password1' })) as {
      passwords: { value: string }[];
    };
    const authorization = basic('reader', made.passwords[0]!.value);
    const asReader = () => rated.ask('/v2/app/manifests/v0', { headers: { Authorization: authorization } });
    const first = await untilRefused(() => pull(rated));
    expectBurst(first, 10);
    const second = await untilRefused(asReader);
    // What the first one has left of the registry's fifteen.
    expectBurst({ passed: first.passed + second.passed, minutes: first.minutes + second.minutes }, 15);
    expect((await errorOf(second.refused)).detail).toMatchObject({ level: 'registry' });
  });

  test('is one for all who show nothing, and one for both passwords of the admin user', async () => {
    const rated = await registryWith({ dataplaneRead: { registry: -1, identity: 10 } });
    const own = registry.replace('/default', `/${rated.name}`);
    const manage = managementOf(server.url);
    await manage.patch(own, { adminUserEnabled: true, anonymousPullEnabled: true });
    const { passwords } = (await manage.post(`${own}/listCredentials`, {})) as { passwords: { value: string }[] };
    const nobody = await untilRefused(() => rated.ask('/v2/app/manifests/v0', { anonymous: true }));
    expectBurst(nobody, 10);
    let turn = 0;
    const admin = await untilRefused(() =>
      rated.ask('/v2/app/manifests/v0', {
        headers: { Authorization: basic(rated.name, passwords[turn++ % 2]!.value) },
      }),
    );
    expectBurst(admin, 10);
  });
});

describe('referrers', () => {
  const referrers = ({ ask }: Registry) => ask(`/v2/app/referrers/${digestOf(index(0))}`);

  test('lesson 25: are never refused where a manifest would be served, and cost more beyond their own rate', async () => {
    const rated = await registryWith({
      dataplaneRead: { registry: -1, identity: 100 },
      listReferrers: { registry: -1, identity: 10 },
    });
    expect((await push(rated)).status).toBe(201);
    // Ten cost one read each, those beyond ten each.
    const burst = await untilRefused(() => referrers(rated));
    expectBurst(burst, 18, 100);
    expect((await errorOf(burst.refused)).detail).toMatchObject({ category: 'dataplaneRead' });
    expect((await pull(rated)).status).toBe(429);
  });

  test('draw from both rates', async () => {
    const rated = await registryWith({
      dataplaneRead: { registry: -1, identity: 20 },
      listReferrers: { registry: -1, identity: 100 },
    });
    expect((await push(rated)).status).toBe(201);
    for (let n = 0; n < 10; n++) expect((await referrers(rated)).status).toBe(200);
    expectBurst(await untilRefused(() => pull(rated)), 9, 20);
  });

  test('go on where reads have no rate', async () => {
    const rated = await registryWith({ listReferrers: both(3) });
    expect((await push(rated)).status).toBe(201);
    for (let n = 0; n < 10; n++) expect((await referrers(rated)).status).toBe(200);
  });
});

describe('writes', () => {
  test('lesson 25: wait for their turn before they are refused, and pass in the order in which they came', async () => {
    // Two tokens, and then one each two seconds.
    const rated = await registryWith({ dataplaneWrite: both(30), burstSeconds: 4 });
    const begun = await waitsBegun();
    const order: number[] = [];
    const writes: Promise<number>[] = [];
    for (let n = 0; n < 5; n++) {
      const before = await waitsBegun();
      const write = push(rated, n).then((answer) => {
        order.push(n);
        return answer.status;
      });
      writes.push(write);
      // The next one comes when this one waits.
      await until(async () => order.includes(n) || (await waitsBegun()) > before);
    }
    expect(await Promise.all(writes)).toEqual([201, 201, 201, 201, 201]);
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect(await waitsBegun()).toBeGreaterThan(begun);
  });

  test('are refused at once where their turn would not come in time', async () => {
    const rated = await registryWith({ dataplaneWrite: both(2) });
    const began = performance.now();
    expect((await push(rated, 1)).status).toBe(201);
    expect((await push(rated, 2)).status).toBe(201);
    const third = await push(rated, 3);
    expect(third.status).toBe(429);
    expect((await errorOf(third)).detail).toMatchObject({ category: 'dataplaneWrite' });
    expect(performance.now() - began).toBeLessThan(9000);
  });

  test('that wait are not read meanwhile', async () => {
    // One token, and the next one in six seconds.
    const rated = await registryWith({ dataplaneWrite: both(10), burstSeconds: 1 });
    const before = await waitsBegun();
    const opened = await rated.ask('/v2/app/blobs/uploads/', { method: 'POST' });
    expect(opened.status).toBe(202);
    let sent = 0;
    const size = 64 * 1024 ** 2;
    const chunk = new Uint8Array(64 * 1024);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent >= size) return controller.close();
        sent += chunk.byteLength;
        controller.enqueue(chunk);
      },
    });
    let answered = false;
    const patched = rated.ask(opened.headers.get('location')!, { method: 'PATCH', body }).then((answer) => {
      answered = true;
      return answer.status;
    });
    await until(async () => (await waitsBegun()) > before);
    // Time in which all of it would have come.
    await Bun.sleep(700);
    expect(answered).toBe(false);
    // What the buffers of the connection and of both ends take.
    expect(sent).toBeLessThan(size / 2);
    expect(await patched).toBe(202);
    expect(sent).toBe(size);
  });

  test('that wait are forgotten when their client goes away', async () => {
    // One token comes each two seconds: after the four the next one would be refused at once.
    const rated = await registryWith({ dataplaneWrite: both(30), burstSeconds: 2 });
    expect((await push(rated, 0)).status).toBe(201);
    const before = await waitsBegun();
    const gone = Array.from({ length: 4 }, (_, n) => {
      const client = new AbortController();
      const answer = rated
        .ask(`/v2/app/manifests/gone${n}`, {
          method: 'PUT',
          body: index(n),
          headers: { 'Content-Type': ociIndex },
          signal: client.signal,
        })
        .catch(() => undefined);
      return { client, answer };
    });
    await until(async () => (await waitsBegun()) >= before + 4);
    for (const { client } of gone) client.abort();
    await Promise.all(gone.map(({ answer }) => answer));
    await until(isNobodyWaiting);
    expect((await push(rated, 9)).status).toBe(201);
  });
});

describe('limits of content', () => {
  test('a manifest and a blob may be no larger than the tier says', async () => {
    await tiers.put('small', { limits: { maxManifest: 2048, maxLayer: 1000 } });
    await tiers.use('small');
    const large = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [],
      annotations: { x: 'x'.repeat(3000) },
    });
    const manifest = await putManifest(server.url, 'app', 'large', large, ociIndex);
    expect([manifest.status, (await errorOf(manifest)).detail]).toMatchObject([413, { maxBytes: 2048 }]);
    for (const chunked of [false, true]) {
      const session = await openUpload(server.url, 'app');
      const bytes = new Uint8Array(1001);
      const body = chunked ? new Blob([bytes]).stream() : bytes;
      const patched = await fetch(session, { method: 'PATCH', body });
      expect(patched.status).toBe(413);
      expect((await fetch(session, { method: 'PATCH', body: new Uint8Array(1000) })).status).toBe(202);
    }
    await tiers.use('Premium');
  });
});
