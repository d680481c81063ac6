import { expect, test } from 'bun:test';
import { type AddressInfo, connect, createServer } from 'node:net';
import { fetch } from '../../test/http/fetch.ts';
import { bonded, inDirectory } from '../../test/support/command.ts';
import { testDialect } from '../../test/support/database.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { storesInS3 } from '../../test/support/storage.ts';
import { asOperator, portOf, requestText } from '../../test/http/raw.ts';
import { digestOf, makeImage, ociManifest, pushImage, randomBytes } from '../../test/http/registry.ts';
import { connectToWorkers, type WorkerConnection } from '../../test/http/worker-connections.ts';

const settings = { processes: 2, 'database.poolSize': 4 };
const octets = { 'Content-Type': 'application/octet-stream' };

async function pushBlobBy({ send }: WorkerConnection, name: string, bytes: Uint8Array): Promise<void> {
  const target = `/v2/${name}/blobs/uploads/?digest=${digestOf(bytes)}`;
  const { status, body } = await send('POST', target, { headers: octets, body: bytes });
  if (status !== 201) throw new Error(`POST was answered ${status}: ${body}`);
}

async function pushImageBy(connection: WorkerConnection, name: string, tag: string) {
  const image = makeImage(randomBytes(5000));
  for (const bytes of [Buffer.from(image.config), image.layer]) await pushBlobBy(connection, name, bytes);
  const headers = { 'Content-Type': ociManifest };
  const { status, body } = await connection.send('PUT', `/v2/${name}/manifests/${tag}`, { headers, body: image.text });
  if (status !== 201) throw new Error(`PUT was answered ${status}: ${body}`);
  return image;
}

test('pushes through both workers at once lose nothing, and one scrape counts them all', async () => {
  await using server = await startTestProcess({ settings });
  const port = portOf(server.url);
  const rounds = 20;
  const writers = (await Promise.all([1, 2, 3].map(() => connectToWorkers(port, 2)))).flat();
  expect(new Set(writers.map(({ worker }) => worker)).size).toBe(2);
  const pushed = await Promise.all(
    writers.map(async (connection, writer) => {
      const last = [];
      for (let round = 0; round < rounds; round++) {
        // Into one repository, on tags of its own; and into another, all on the same one.
        last.push(await pushImageBy(connection, 'many/tags', `w${writer}-${round}`));
        if (round % 4 === 0) await pushImageBy(connection, 'one/tag', 'latest');
      }
      return last;
    }),
  );
  for (const [at, { send }] of writers.slice(0, 2).entries()) {
    const { tags } = JSON.parse((await send('GET', '/v2/many/tags/tags/list')).body) as { tags: string[] };
    expect(tags).toHaveLength(writers.length * rounds);
    for (const [writer, images] of pushed.entries()) {
      const { body } = await send('GET', `/v2/many/tags/manifests/w${writer}-${rounds - 1 - at}`);
      expect(body).toBe(images.at(-1 - at)!.text);
    }
  }
  const counts = await Promise.all(
    writers.slice(0, 2).map(async ({ send }) => {
      const text = (await send('GET', '/metrics')).body;
      return Number(
        /^bonded_http_requests_total\{method="PUT",route="manifest",status="201"\} (\d+)$/m.exec(text)?.[1],
      );
    }),
  );
  expect(counts).toEqual(Array(2).fill(writers.length * (rounds + rounds / 4)));
  for (const connection of writers) connection[Symbol.dispose]();
  expect(await server.end()).toBe(0);
  if (testDialect() !== 'sqlite' || storesInS3) return;
  expect(await bonded(['fsck', '--verify', '--data', server.data])).toMatchObject({ code: 0 });
});

test('an upload goes on wherever its next chunk lands, and is refused while another worker writes to it', async () => {
  await using server = await startTestProcess({ settings });
  const [one, two] = (await connectToWorkers(portOf(server.url), 2)) as [WorkerConnection, WorkerConnection];
  const bytes = randomBytes(3_000_000);
  const chunk = 500_000;
  const session = new URL((await one.send('POST', '/v2/moving/blobs/uploads/')).headers.get('location')!, server.url);
  for (let at = 0; at < bytes.length; at += chunk) {
    const headers = { ...octets, 'Content-Range': `${at}-${at + chunk - 1}` };
    const connection = (at / chunk) % 2 === 0 ? one : two;
    const answer = await connection.send('PATCH', session.pathname, { headers, body: bytes.subarray(at, at + chunk) });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('range')).toBe(`0-${at + chunk - 1}`);
  }
  expect((await two.send('PUT', `${session.pathname}?digest=${digestOf(bytes)}`)).status).toBe(201);
  const pulled = await fetch(`${server.url}/v2/moving/blobs/${digestOf(bytes)}`);
  expect(digestOf(await pulled.bytes())).toBe(digestOf(bytes));

  const next = new URL((await one.send('POST', '/v2/moving/blobs/uploads/')).headers.get('location')!, server.url);
  const headers = ['Host: localhost', 'Content-Length: 10', 'Content-Type: application/octet-stream'];
  one.raw.socket.write(`${asOperator(server.url, requestText('PATCH', next.pathname, headers))}hello`);
  const writing = async () => (await two.send('GET', '/metrics')).body.includes('bonded_uploads_active 1\n');
  while (!(await writing())) await Bun.sleep(10);
  expect((await two.send('PATCH', next.pathname, { headers: octets, body: 'intruder' })).status).toBe(409);
  one.raw.socket.write('world');
  const hashed = digestOf('helloworld');
  const finish = () => two.send('PUT', `${next.pathname}?digest=${hashed}`);
  let finished = await finish();
  for (; finished.status === 409; finished = await finish()) await Bun.sleep(10);
  expect(finished.status).toBe(201);
  one[Symbol.dispose]();
  two[Symbol.dispose]();
});

test('what another worker was told to delete is gone for all at once', async () => {
  await using server = await startTestProcess({ settings });
  const [one, two] = (await connectToWorkers(portOf(server.url), 2)) as [WorkerConnection, WorkerConnection];
  for (let round = 0; round < 10; round++) {
    const { text } = await pushImageBy(one, 'moved', 'latest');
    expect((await two.send('GET', '/v2/moved/manifests/latest')).body).toBe(text);
    expect((await two.send('DELETE', '/v2/moved/manifests/latest')).status).toBe(202);
    expect((await one.send('HEAD', '/v2/moved/manifests/latest')).status).toBe(404);
  }
  one[Symbol.dispose]();
  two[Symbol.dispose]();
});

test('a second server is refused on the same data, and gets another port than one of several processes', async () => {
  await using server = await startTestProcess({ settings, database: '' });
  const port = portOf(server.url);
  const listen = ['--listen', `127.0.0.1:${port}`];
  for (const processes of ['1', '2']) {
    const refused = await bonded(['serve', ...listen, '--data', server.data, '--set', `processes=${processes}`]);
    expect(refused.code).toBe(1);
    expect(refused.error).toContain('is in use by another Bonded');
    await using beside = await startTestProcess({
      settings: { ...settings, processes },
      listen: `127.0.0.1:${port}`,
      database: '',
    });
    expect(portOf(beside.url)).toBeGreaterThan(port);
    expect(beside.output()).toContain('the port is taken');
  }
  for (const command of [['gc'], ['fsck']]) {
    const refused = await bonded([...command, '--data', server.data]);
    expect(refused.code).toBe(1);
    expect(refused.error).toContain('is in use by another Bonded');
  }
});

test.each([1, 2])(
  'a port where nobody listens, but which is not free, is passed over by a server of %d',
  async (processes) => {
    // The near end of a connection has a port of its own, and nobody can tell from outside.
    const far = createServer();
    await new Promise<void>((resolve) => far.listen(0, '127.0.0.1', resolve));
    const near = connect((far.address() as AddressInfo).port, '127.0.0.1');
    await new Promise((resolve) => near.once('connect', resolve));
    const port = near.localPort!;
    await using server = await startTestProcess({
      settings: { ...settings, processes },
      listen: `127.0.0.1:${port}`,
      database: '',
    });
    expect(portOf(server.url)).toBeGreaterThan(port);
    expect(server.output().match(/the port is taken/g)).toHaveLength(1);
    await pushImage(server.url, 'app', 'latest');
    expect(await server.end()).toBe(0);
    near.destroy();
    far.close();
  },
  60_000,
);

test(
  'what is wrong with the configuration is said once, and nothing stays behind',
  () =>
    inDirectory(async (data) => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const { port } = taken.address() as { port: number };
      const serve = (...assignments: string[]) =>
        bonded(
          ['serve', '--listen', '127.0.0.1:0', '--data', data].concat(
            ['processes=3', ...assignments].flatMap((assignment) => ['--set', assignment]),
          ),
        );
      const secret = await serve('tls.certificate=/none.pem', 'tls.key=/none.pem');
      expect(secret).toMatchObject({ code: 1, out: '' });
      expect(secret.error).toMatch(/^bonded: [^\n]*\/none\.pem[^\n]*\n$/);
      expect(await serve(`metrics.listen=127.0.0.1:${port}`)).toEqual({
        code: 1,
        out: '',
        error: `bonded: metrics.listen: 127.0.0.1:${port} is taken; choose another port\n`,
      });
      taken.close();
      const byHand = await bonded(['worker']);
      expect(byHand.code).toBe(1);
      expect(byHand.error).toContain('started by bonded serve');
      // Whoever of them still had it would keep it from this one.
      expect((await bonded(['fsck', '--data', data])).code).toBe(0);
    }),
  60_000,
);

test('metrics of all on a listener of their own', async () => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  await using server = await startTestProcess({ settings: { ...settings, 'metrics.listen': `127.0.0.1:${port}` } });
  await pushImage(server.url, 'app', 'latest');
  for (let scrape = 0; scrape < 5; scrape++) {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { Connection: 'close' } })).text();
    expect(text).toContain('bonded_http_requests_total{method="PUT",route="manifest",status="201"} 1\n');
    expect(text).toContain('bonded_workers_active 2\n');
  }
  expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
});
