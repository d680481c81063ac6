import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { advisoryDatabaseName, advisoryDatabaseType } from '../advisories/index.ts';
import { startMirror } from '../advisories/mirror.double.ts';
import { idOf } from '../operations/index.ts';

const id = idOf(advisoryDatabaseType, [advisoryDatabaseName]);
const version = 'api-version=2025-11-01';

const record = (n: number) => ({
  id: `A-${n}`,
  modified: new Date(Date.UTC(2026, 0, 1) + n).toISOString(),
  affected: [
    {
      package: { ecosystem: 'npm', name: `package-${n}` },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.0.0' }] }],
    },
  ],
});

test('a kill -9 in the middle of a sync: the next start goes on with it, to the end', async () => {
  await using stack = new AsyncDisposableStack();
  await using mirror = await startMirror();
  const data = await mkdtemp(join(tmpdir(), 'bonded-advisories-kill-'));
  stack.defer(() => rm(data, { recursive: true, force: true }));
  const fresh = stack.use(await freshDatabaseOptions());
  const settings = {
    'outbound.allow': mirror.host,
    'advisories.osv': `${mirror.base}/osv`,
    'advisories.sources': 'osv',
    'advisories.ecosystems': 'PyPI,npm',
  };
  const start = () => startTestProcess({ data, settings, ...(fresh.kind === 'postgres' && { database: fresh.url }) });
  mirror.osv(
    'npm',
    Array.from({ length: 500 }, (_, n) => record(n)),
  );
  mirror.osv('PyPI', [{ ...record(1), affected: [{ package: { ecosystem: 'PyPI', name: 'x' }, versions: ['1'] }] }]);
  mirror.trouble('/osv/npm/all.zip', 'stalls', 1);

  const first = stack.use(await start());
  const begun = await fetch(`${first.url}${id}/sync?${version}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
  });
  expect(begun.status).toBe(202);
  const operation = new URL(begun.headers.get('azure-asyncoperation')!);
  await until(() => Promise.resolve(mirror.asked().includes('/osv/npm/all.zip')));
  await first.end('SIGKILL');

  const second = stack.use(await start());
  let status: { status?: string; properties?: object } = {};
  await until(async () => {
    status = (await (await fetch(`${second.url}${operation.pathname}${operation.search}`)).json()) as typeof status;
    return status.status !== 'InProgress';
  });
  // What had come before the end does not come again.
  expect(status).toMatchObject({
    status: 'Succeeded',
    properties: {
      failed: [],
      feeds: [
        { feed: 'osv/PyPI', added: 0 },
        { feed: 'osv/npm', records: 500, added: 500 },
      ],
    },
  });
}, 120_000);

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await Bun.sleep(50)) if (await holds()) return;
  throw new Error('it does not come about');
}
