import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf, pushImage } from '../../test/http/registry.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { Database } from 'bun:sqlite';
import { join } from 'node:path';

test('a damaged database is 500 with a request id, whose reason only the log has', async () => {
  await using server = await startTestProcess({ database: '' });
  const image = await pushImage(server.url, 'a', 'latest');
  const db = new Database(join(server.data, 'bonded.db'));
  db.run('ALTER TABLE blob_links RENAME TO gone');
  db.close();
  const answer = await fetch(`${server.url}/v2/a/blobs/${image.layerDigest}`);
  expect(answer.status).toBe(500);
  const text = await answer.clone().text();
  const error = await errorOf(answer);
  expect(error.code).toBe('UNKNOWN');
  for (const inside of ['blob_links', 'SQL', 'no such table', 'bonded.db', server.data, '/src/'])
    expect(text).not.toContain(inside);
  const find = () =>
    server
      .output()
      .split('\n')
      .slice(0, -1)
      .find((one) => one.includes(error.detail.requestId));
  // The answer may be here before what the other process wrote.
  for (const until = Date.now() + 45_000; !find() && Date.now() < until;) await Bun.sleep(10);
  const line = find()!;
  expect(JSON.parse(line)).toMatchObject({ level: 'error', msg: 'failed', code: 'UNKNOWN' });
  expect(line).toContain('no such table');
  expect((await fetch(`${server.url}/v2/`)).status).toBe(200);
});
