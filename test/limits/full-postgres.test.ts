import { expect, test } from 'bun:test';
import { fetch } from '../http/fetch.ts';
import { digestOf, errorOf, pushImage, putManifest, randomBytes } from '../http/registry.ts';
import { freshDatabaseOptions, testDialect } from '../support/database.ts';
import { startTestProcess } from '../support/server.ts';

test.skipIf(testDialect() !== 'postgres')('PostgreSQL without space is refused like a disk without', async () => {
  await using fresh = await freshDatabaseOptions();
  if (fresh.kind !== 'postgres') throw new Error('there is no PostgreSQL');
  await using server = await startTestProcess({ database: fresh.url });
  const image = await pushImage(server.url, 'app', 'v1');
  await using sql = new Bun.SQL(fresh.url, { max: 1 });
  // What the server says when a table cannot grow (PostgreSQL, Appendix A, 53100).
  const fault = `RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'`;
  await sql.unsafe(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${fault}; END $$`);
  for (const table of ['manifests', 'blobs']) {
    await sql.unsafe(`CREATE TRIGGER full_disk BEFORE INSERT ON ${table} EXECUTE FUNCTION full_disk()`);
  }
  const text = JSON.stringify({ ...JSON.parse(image.text), annotations: { other: 'one' } });
  const bytes = randomBytes(1000);
  const blob = `${server.url}/v2/app/blobs/uploads/?digest=${digestOf(bytes)}`;
  for (const push of [
    () => putManifest(server.url, 'app', 'v2', text),
    () => fetch(blob, { method: 'POST', body: bytes }),
  ]) {
    const refused = await push();
    expect(refused.status).toBe(507);
    const { code, detail } = await errorOf(refused);
    expect(code).toBe('INSUFFICIENT_STORAGE');
    for (const until = Date.now() + 5000; !server.output().includes(detail.requestId) && Date.now() < until;) {
      await Bun.sleep(10);
    }
    const line = server
      .output()
      .split('\n')
      .find((logged) => logged.includes(detail.requestId))!;
    expect(line).toContain('No space left on device');
  }
  expect(await (await fetch(`${server.url}/v2/app/manifests/v1`)).text()).toBe(image.text);
  expect((await fetch(`${server.url}/v2/app/manifests/v2`)).status).toBe(404);
  for (const table of ['manifests', 'blobs']) await sql.unsafe(`DROP TRIGGER full_disk ON ${table}`);
  expect((await putManifest(server.url, 'app', 'v2', text)).status).toBe(201);
  expect((await fetch(blob, { method: 'POST', body: bytes })).status).toBe(201);
});
