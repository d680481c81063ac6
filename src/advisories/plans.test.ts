import { expect, test } from 'bun:test';
import { sql } from 'kysely';
import type { TestDatabase } from '../../test/support/database.ts';
import { faultOf, plansOf } from '../catalog/plan.double.ts';
import { recording, type Statement } from '../catalog/statements.double.ts';
import { advisory, component, contextOf, itemsOf, openAdvisories } from './advisory-rig.double.ts';
import { bundledFeeds, linesOfLayer } from './bundle.ts';
import { changedComponents } from './changed-components.ts';
import { readEpss, storeEpss } from './epss.ts';
import { beginFeed, failFeed } from './feed-rows.ts';
import { componentsWith, findComponents } from './find-components.ts';
import { importFeed } from './import-feed.ts';
import { storeKev } from './kev.ts';
import { pack } from './pack.ts';
import { seenEcosystems } from './refresh.ts';
import { removeFeed } from './remove-feed.ts';
import { registerComponents } from './register.ts';
import { advisoriesStatus } from './status.ts';
import { vulnerabilitiesOf } from './vulnerabilities.ts';

const rows = 20_000;

/** Many advisories of many packages of two feeds, and as many components, some of which have one. */
async function fill(db: TestDatabase): Promise<void> {
  const bytes = `${db.dialect === 'sqlite' ? "x'" : "'\\x"}${Buffer.from(pack({ id: 'x' })).toString('hex')}'`;
  const many = (table: string, columns: string, values: string, count = rows) =>
    sql.raw(
      `INSERT INTO ${table} (${columns}) WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${count})
        SELECT ${values} FROM i`,
    );
  await db.write(async (tx) => {
    const part = `CASE WHEN n % 2 = 0 THEN 'osv/npm' ELSE 'osv/Debian' END`;
    await many('advisories', 'part, record_id, digest, record', `${part}, 'R-' || n, 'd' || n, ${bytes}`).execute(tx);
    await many('advisory_aliases', 'alias, advisory_id', `'CVE-2020-' || n, n`).execute(tx);
    await many(
      'affected_packages',
      'ecosystem, name, release, advisory_id, position, entry, said',
      `CASE WHEN n % 2 = 0 THEN 'npm' ELSE 'Debian' END, 'package-' || (n / 4), CASE WHEN n % 2 = 0 THEN '' ELSE '12' END, n, 0, ${bytes}, ''`,
    ).execute(tx);
    await many(
      'components',
      '"key", ecosystem, release, name, version, revision',
      `'k' || n, CASE WHEN n % 2 = 0 THEN 'npm' ELSE 'Debian' END, CASE WHEN n % 2 = 0 THEN '' ELSE '12' END, 'package-' || (n / 4), '1.' || n, n`,
    ).execute(tx);
    await many('component_matches', 'component_id, advisory_id, match', `n, n, '{"at":0}'`).execute(tx);
    await many('known_exploited', 'cve, date_added, ransomware', `'CVE-2020-' || n, '2020-01-01', 0`, 2000).execute(tx);
    await many('exploit_predictions', 'cve, probability, percentile, told', `'CVE-2020-' || n, 5, 5, 5`).execute(tx);
    await tx.run('UPDATE advisory_clock SET revision = ?', [rows]);
  });
}

/** Everything that is asked of the tables. */
async function exercise(base: TestDatabase): Promise<Statement[]> {
  const statements: Statement[] = [];
  const db = recording(base, (statement) => statements.push(statement)) as TestDatabase;
  const context = contextOf(db, { force: true });
  const feed = (records: readonly unknown[]) =>
    importFeed(context, { id: 'osv/PyPI', origin: 'test', ecosystem: 'PyPI', items: () => itemsOf(records) });
  const [id] = await registerComponents(db, [
    component('left-pad', '1.0.0', 'PyPI'),
    component('package-7', '1.0.0', 'npm'),
    component('package-7', '1', 'Ubuntu', '22.04:LTS'),
  ]);
  await feed([
    advisory('P-1', 'left-pad', '1.1.0', { ecosystem: 'PyPI' }),
    advisory('P-2', 'left-pad', '1.1.0', { ecosystem: 'PyPI' }),
  ]);
  await feed([advisory('P-1', 'left-pad', '1.2.0', { ecosystem: 'PyPI', aliases: ['CVE-2020-1007'] })]);
  await failFeed(db, { id: 'osv/PyPI', error: 'x', dueAt: 1 });
  await vulnerabilitiesOf(db, [id!, 7]);
  await changedComponents(db, rows - 100, 50);
  await advisoriesStatus(db);
  await findComponents(db, 'package-7');
  await findComponents(db, 'pkg:npm/package-7@1.2');
  await componentsWith(db, 'CVE-2020-1007');
  await seenEcosystems(db);
  for (const feedId of ['epss', 'kev']) await beginFeed(db, { id: feedId, origin: 'test', licence: '', now: 1 });
  await storeEpss(db, 'epss', readEpss(csv('CVE-2020-1007,0.5,0.5\n')), async () => {});
  await storeKev(
    context,
    Buffer.from(JSON.stringify({ vulnerabilities: [{ cveID: 'CVE-2020-1007', dateAdded: '2026-01-01' }] })),
  );
  for (const bundled of await bundledFeeds(db)) for await (const _ of linesOfLayer(db, bundled));
  await removeFeed(context, 'osv/PyPI');
  await removeFeed(context, 'epss');
  return statements;
}

async function* csv(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** The clock is one row, feeds are few, and of CISA's catalogue all is wanted: it has some thousand. */
const bounded = /\badvisory_(?:clock|feeds)\b|FROM known_exploited ORDER BY/;

test('no statement reads more as more is stored', async () => {
  await using db = await openAdvisories();
  await fill(db);
  const analyze = async () => void (await db.write((tx) => sql`ANALYZE`.execute(tx)));
  if (db.dialect === 'postgres') await analyze();
  const recorded = new Map([['advisories', await exercise(db)]]);
  for (const again of [false, true]) {
    if (again && db.dialect === 'sqlite') await analyze();
    const plans = await plansOf(db, recorded);
    expect(plans.length).toBeGreaterThan(30);
    const asked = plans.filter((plan) => !bounded.test(plan.statement));
    expect(
      asked.filter((plan) => faultOf(plan) !== undefined).map((plan) => ({ fault: faultOf(plan), ...plan })),
    ).toEqual([]);
    expect(
      asked.filter(({ skips }) => skips !== undefined).map(({ statement, skips }) => ({ statement, skips })),
    ).toEqual([]);
  }
}, 120_000);
