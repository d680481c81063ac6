import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { portOf } from '../../test/http/raw.ts';
import { makeImage, pushImage, randomBytes } from '../../test/http/registry.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { connectToWorkers } from '../../test/http/worker-connections.ts';
import { isAlive, until, workersOf } from '../../test/support/worker-processes.ts';

const settings = { processes: 2, 'database.poolSize': 4 };

/**
 * Repeats what a broken connection cut off, as clients do; an answer is an answer. But `fetch` itself repeats a PUT on
 * a connection that it had kept: of an upload that is closed by then, the answer is that it is unknown.
 */
async function insist<T>(act: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await act();
    } catch (error) {
      const { message } = error as Error;
      if ((/answered [45]/.test(message) && !message.includes('BLOB_UPLOAD_UNKNOWN')) || tries === 500) throw error;
      await Bun.sleep(20);
    }
  }
}

test('workers that are killed during pushes take nothing that was acknowledged along, and are replaced', async () => {
  await using server = await startTestProcess({ settings });
  let stopped = false;
  const pushers = Array.from({ length: 6 }, async (_, pusher) => {
    const images = [];
    for (let n = 0; !stopped; n++) {
      const image = makeImage(randomBytes(20_000));
      await insist(() => pushImage(server.url, `storm/p${pusher}`, `t${n}`, image));
      images.push(image);
    }
    return images;
  });
  const kills = 4;
  for (let kill = 0; kill < kills; kill++) {
    for (const connection of await connectToWorkers(portOf(server.url), 2)) connection[Symbol.dispose]();
    await Bun.sleep(150 + Math.random() * 150);
    const [first, second] = await workersOf(server);
    const victim = kill % 2 === 0 ? first! : second!;
    process.kill(victim, 'SIGKILL');
    await until(async () => !(await isAlive(victim)));
  }
  await until(async () => (await workersOf(server)).length === 2);
  stopped = true;
  const pushed = await Promise.all(pushers);
  expect(pushed.flat().length).toBeGreaterThan(20);
  for (const [pusher, images] of pushed.entries()) {
    for (const [n, image] of images.entries()) {
      const manifest = await fetch(`${server.url}/v2/storm/p${pusher}/manifests/t${n}`);
      expect(await manifest.text()).toBe(image.text);
      const layer = await fetch(`${server.url}/v2/storm/p${pusher}/blobs/${image.layerDigest}`);
      expect(Buffer.from(await layer.arrayBuffer()).equals(image.layer)).toBe(true);
    }
  }
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain(`bonded_worker_restarts_total ${kills}\n`);
  expect(server.output().match(/a worker ended; it is replaced/g)).toHaveLength(kills);
  expect(await server.end()).toBe(0);
}, 90_000);
