import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { startTestApp } from '../../test/support/server.ts';
import { digestOf } from '../oci/index.ts';

test('lesson 53: a pull writes nothing', async () => {
  await using server = await startTestApp({ settings: { 'gc.interval': '1h' } });
  const digest = digestOf('{}');
  const base = `${server.url}/v2/app`;
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 2 };
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] });
  await fetch(`${base}/blobs/uploads/?digest=${digest}`, { method: 'POST', body: '{}' });
  await fetch(`${base}/manifests/1`, { method: 'PUT', body: manifest, headers: { 'Content-Type': mediaType } });

  const { db } = server.app.storage;
  let writes = 0;
  const { write } = db;
  db.write = (action, options) => {
    writes++;
    return write(action, options);
  };
  // A pull that writes does so each time; background work, once what it follows has come, does so now and then.
  for (let tries = 0; tries < 5; tries++) {
    writes = 0;
    for (let at = 0; at < 20; at++) {
      for (const path of ['manifests/1', `blobs/${digest}`, 'tags/list', `referrers/${digest}`]) {
        expect((await fetch(`${base}/${path}`)).status).toBe(200);
        // The blob is referenced, so that not even a pusher's HEAD has anything to keep.
        expect((await fetch(`${base}/${path}`, { method: 'HEAD' })).status).toBe(200);
      }
    }
    if (writes === 0) return;
    await Bun.sleep(1000);
  }
  expect(writes).toBe(0);
});
