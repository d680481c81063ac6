import { expect, test } from 'bun:test';
import { connect, type Socket } from 'node:net';
import { fetch } from '../http/fetch.ts';
import { asOperator, portOf, requestText } from '../http/raw.ts';
import { digestOf, type Image, pushImage, putManifest } from '../http/registry.ts';
import { startTestProcess } from '../support/server.ts';

const MiB = 1024 * 1024;
const clients = 200;

/** Asks for something and reads nothing of the answer. */
function ask(url: string, path: string): Socket {
  const socket = connect(portOf(url), '127.0.0.1', () => {
    socket.pause();
    socket.write(asOperator(url, requestText('GET', path)));
  });
  socket.on('error', () => {});
  return socket;
}

/** Requests of a kind that were answered, by status. */
async function answered(url: string, route: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = text.matchAll(/^bonded_http_requests_total\{method="GET",route="(\w+)",status="(\d+)"\} (\d+)$/gm);
  return Object.fromEntries(
    [...counts].filter(([, found]) => found === route).map(([, , status, n]) => [status, Number(n)]),
  );
}

/** Of a process (MiB): what it has in memory, and the most that it ever had. */
async function memoryOf(pid: number): Promise<{ now: number; peak: number }> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  const figure = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)![1]) / 1024;
  return { now: figure('VmRSS'), peak: figure('VmHWM') };
}

test.skipIf(process.platform !== 'linux')(
  'clients that do not read large manifests and lists cost little memory',
  async () => {
    await using server = await startTestProcess();
    const image = await pushImage(server.url, 'app', 'v1');
    const large = await annotate(server.url, image, 'large', 4 * MiB - 1000);
    const subject = {
      mediaType: JSON.parse(image.text).mediaType as string,
      digest: image.digest,
      size: image.text.length,
    };
    for (let at = 0; at < 60; at++) await annotate(server.url, image, `referrer-${at}`, 65_000, { subject });
    const list = `/v2/app/referrers/${image.digest}`;
    const whole = await (await fetch(server.url + list)).text();
    await (await fetch(`${server.url}/v2/app/manifests/large`)).bytes();
    expect(whole.length).toBeGreaterThan(3.5 * MiB);

    const sockets: Socket[] = [];
    for (let at = 0; at < clients; at++)
      sockets.push(ask(server.url, '/v2/app/manifests/large'), ask(server.url, list));
    for (const route of ['manifest', 'referrers']) {
      for (const until = Date.now() + 60_000; ; await Bun.sleep(100)) {
        const { 200: given = 0, 503: refused = 0 } = await answered(server.url, route);
        if (given + refused > clients) break;
        expect(Date.now()).toBeLessThan(until);
      }
    }
    let memory = await memoryOf(server.process.pid);
    // What a list was made of is garbage, and collected within some seconds.
    for (const until = Date.now() + 45_000; memory.now > 200 && Date.now() < until; await Bun.sleep(100)) {
      memory = await memoryOf(server.process.pid);
    }
    const lists = await answered(server.url, 'referrers');
    console.log(`${memory.now | 0} MiB, ${memory.peak | 0} at most, of ${JSON.stringify(lists)} lists`);
    expect(memory.now).toBeLessThan(200);
    // Everybody gets the manifest, and whoever asks for one list too many is told to come back.
    expect(await answered(server.url, 'manifest')).toEqual({ 200: clients + 1 });
    const pulled = await fetch(`${server.url}/v2/app/manifests/large`);
    expect(pulled.headers.get('content-length')).toBe(`${large.length}`);
    expect(digestOf(await pulled.bytes())).toBe(digestOf(large));
    for (const socket of sockets) socket.destroy();
    let again = await fetch(server.url + list);
    for (const until = Date.now() + 45_000; again.status === 503 && Date.now() < until; await Bun.sleep(100)) {
      again = await fetch(server.url + list);
    }
    expect(await again.text()).toBe(whole);
  },
  120_000,
);

/** Pushes the image's manifest with so many bytes of annotations. */
async function annotate(url: string, image: Image, tag: string, bytes: number, more: object = {}): Promise<string> {
  const filling = `${tag} `.padEnd(bytes, 'x');
  const text = JSON.stringify({ ...JSON.parse(image.text), ...more, annotations: { filling } });
  expect((await putManifest(url, 'app', tag, text)).status).toBe(201);
  return text;
}
