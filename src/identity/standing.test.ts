import { expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { ownerDirectory, ownerSettings, signOwnerToken } from '../../test/support/owner.ts';
import { basic, bearer } from '../../test/support/people.ts';
import { startTestApp } from '../../test/support/server.ts';
import { accessToken, refreshToken } from '../../test/http/tokens.ts';

test('the owner whom the configuration names may do everything, for as long as it does', async () => {
  await using database = await freshDatabaseOptions();
  const data = await mkdtemp(join(tmpdir(), 'bonded-owner-test-'));
  const on = { data, ...(database.kind === 'postgres' && { database: database.url }) };
  try {
    const shown: string[] = [];
    const status = async (url: string, authorization: string) => {
      const path = '/v2/app/manifests/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
      return (await fetch(`${url}${path}`, { method: 'DELETE', headers: { Authorization: authorization } })).status;
    };
    {
      await using server = await startTestApp({ ...on, settings: ownerSettings() });
      const token = signOwnerToken(ownerDirectory(), 600_000);
      const access = await accessToken(server.url, basic('x', token), ['repository:app:delete']);
      shown.push(basic('x', token), bearer(access), bearer(await refreshToken(server.url, token)));
      for (const one of shown) expect(await status(server.url, one)).toBe(404);
    }
    await using server = await startTestApp({ ...on, settings: {} });
    const again = await Promise.all(shown.map((one) => status(server.url, one)));
    // Where tests have no other owner, that one is still there.
    if (process.env['BONDED_TEST_S3'] === undefined) expect(again).toEqual([401, 401, 401]);
  } finally {
    await rm(data, { recursive: true, force: true });
  }
});
