import { expect, test } from 'bun:test';
import { makeImage, pushBlob, putManifest } from '../../test/http/registry.ts';
import { startTestApp, startTestProcess } from '../../test/support/server.ts';

test('lesson 48: between its upload, or a HEAD that found it, and its manifest a blob is not collected; unused it is', async () => {
  await using server = await startTestApp({ settings: { 'gc.delay': '2s', 'gc.interval': '50ms' } });
  const image = makeImage();
  const other = await pushBlob(server.url, 'gc', 'nobody asks for this');
  await pushBlob(server.url, 'gc', image.config);
  await pushBlob(server.url, 'gc', image.layer);
  const head = (digest: string) => fetch(`${server.url}/v2/gc/blobs/${digest}`, { method: 'HEAD' });
  const [configDigest, layerDigest] = [JSON.parse(image.text).config.digest as string, image.layerDigest];

  // Three times three quarters of the delay: without the HEADs all of it would be gone.
  for (let round = 0; round < 3; round++) {
    await Bun.sleep(1500);
    expect((await head(configDigest)).status).toBe(200);
    expect((await head(layerDigest)).status).toBe(200);
  }
  expect((await head(other)).status).toBe(404);
  expect((await putManifest(server.url, 'gc', 'latest', image.text)).status).toBe(201);
  expect((await fetch(`${server.url}/v2/gc/blobs/${layerDigest}`)).status).toBe(200);
}, 20_000);

test('what collection removes is in the log, each kind with its number', async () => {
  await using server = await startTestProcess({ settings: { 'gc.delay': '1ms', 'gc.interval': '20ms' } });
  await pushBlob(server.url, 'gc', 'nobody wants this');
  const find = () =>
    server
      .output()
      .split('\n')
      .find((line) => line.includes('collected garbage') && line.includes('"blobs":1'));
  for (const until = Date.now() + 20_000; !find() && Date.now() < until;) await Bun.sleep(20);
  expect(JSON.parse(find() ?? '{}')).toMatchObject({ blobs: 1, bytes: 17 });
}, 30_000);
