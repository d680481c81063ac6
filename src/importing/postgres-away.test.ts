import { SQL } from 'bun';
import { expect, test } from 'bun:test';
import { freshDatabaseOptions, testDialect } from '../../test/support/database.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { beginImport, ended, until } from './import-rig.double.ts';
import { startSlowRegistry } from './slow-registry.double.ts';

// Where the tests run on SQLite there is nothing to skip: this belongs to the other run.
if (testDialect() === 'postgres')
  test('an import goes on when PostgreSQL ends all its connections', async () => {
    await using fresh = await freshDatabaseOptions();
    const { url } = fresh as { url: string };
    await using other = startSlowRegistry({ isOpenToAll: true });
    await using server = await startTestProcess({ settings: { 'outbound.allow': '127.0.0.1' }, database: url });
    const source = { registryUri: other.uri, sourceImage: 'app:v1' };
    const path = await beginImport(server, { source, targetTags: ['copy:v1'] });
    await until(() => (other.slow.some((digest) => other.times(digest) > 0) ? true : undefined));
    other.open();
    await using sql = new SQL(url, { max: 1 });
    for (let n = 0; n < 10; n++) {
      await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`;
      await Bun.sleep(20);
    }
    const status = await until(() => ended(server, path).catch(() => undefined));
    expect(status).toMatchObject({ status: 'Succeeded', properties: { digest: other.digest } });
  }, 120_000);
