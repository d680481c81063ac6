import { expect, test } from 'bun:test';
import { advisory, component, importAll, openAdvisories } from './advisory-rig.double.ts';
import { changedComponents } from './changed-components.ts';
import { importRecords } from './import-records.ts';
import { beginFeed } from './feed-rows.ts';
import { readAlpineSecdb } from './formats/alpine-secdb.ts';
import { registerComponents } from './register.ts';
import { currentRevision } from './clock.ts';
import { vulnerabilitiesOf } from './vulnerabilities.ts';

const high = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N';
const secdb = (name: string, cve: string) =>
  readAlpineSecdb(
    Buffer.from(
      JSON.stringify({
        distroversion: 'v3.20',
        reponame: 'main',
        packages: [{ pkg: { name, secfixes: { '2-r0': [cve] } } }],
      }),
    ),
  ).items.map((item) => ('json' in item ? item.json : undefined));

async function open() {
  const db = await openAdvisories();
  const [id] = await registerComponents(db, [component('openssl', '1-r0', 'Alpine', 'v3.20')]);
  await importAll(db, secdb('openssl', 'CVE-2026-0001'), { part: 'alpine-secdb/v3.20/main' });
  return {
    db,
    id: id!,
    rating: async () => {
      const [found] = (await vulnerabilitiesOf(db, [id!])).get(id!)!;
      return { severity: found!.severity, severitySource: found!.severitySource, cvss: found!.cvss.length };
    },
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  };
}

const unknown = { severity: 'Unknown', severitySource: '', cvss: 0 };

test('a finding of Alpine’s secdb has the severity that others give the CVE, and is looked at again when they do', async () => {
  await using rig = await open();
  const { db, id } = rig;
  expect(await rig.rating()).toEqual(unknown as never);
  const before = await currentRevision(db);
  await importAll(
    db,
    [
      advisory('GHSA-1', 'openssl-src', '9', {
        aliases: ['CVE-2026-0001'],
        severity: [{ type: 'CVSS_V3', score: high }],
      }),
    ],
    { part: 'osv/crates.io' },
  );
  expect(await rig.rating()).toEqual({
    severity: 'High',
    severitySource: 'GHSA-1 (CVSS 3.1), of another package',
    cvss: 1,
  });
  expect((await changedComponents(db, before, 100)).componentIds).toContain(id);
  // What is no longer said is no longer lent.
  await importAll(db, [advisory('GHSA-1', 'openssl-src', '9', { aliases: ['CVE-2026-0001'] })], {
    part: 'osv/crates.io',
  });
  expect(await rig.rating()).toEqual(unknown as never);
});

test('what is withdrawn is lent no more, and whoever had borrowed it is looked at again', async () => {
  await using rig = await open();
  const { db, id } = rig;
  const lender = advisory('GHSA-1', 'other', '9', {
    aliases: ['CVE-2026-0001'],
    database_specific: { severity: 'HIGH' },
  });
  await importAll(db, [lender, advisory('GHSA-2', 'other', '9')]);
  expect(await rig.rating()).toMatchObject({ severity: 'High' });
  const before = await currentRevision(db);
  await importAll(db, [advisory('GHSA-2', 'other', '9')]);
  expect(await rig.rating()).toEqual(unknown as never);
  expect((await changedComponents(db, before, 100)).componentIds).toContain(id);
});

test('what is said of its own package comes first', async () => {
  await using rig = await open();
  const { db } = rig;
  await importAll(db, [
    advisory('GHSA-1', 'x', '9', { aliases: ['CVE-2026-0001'], database_specific: { severity: 'CRITICAL' } }),
  ]);
  await beginFeed(db, { id: 'trivy-db/alpine 3.20', origin: 'test', licence: '', now: 1 });
  const own = advisory('TRIVY-CVE-2026-0001:openssl', 'openssl', '2-r0', {
    ecosystem: 'Alpine:v3.20',
    upstream: ['CVE-2026-0001'],
    database_specific: { severity: 'LOW' },
  });
  await importRecords(
    db,
    async function* items() {
      yield { json: own };
    },
    {
      part: 'trivy-db/alpine 3.20',
      whole: true,
      rest: async () => {},
    },
  );
  expect(await rig.rating()).toMatchObject({
    severity: 'Low',
    severitySource: 'TRIVY-CVE-2026-0001:openssl (severity)',
  });
});

test.each([
  [
    'a notice on several vulnerabilities',
    { upstream: ['CVE-2026-0001', 'CVE-2026-0002'], database_specific: { severity: 'HIGH' } },
  ],
  ['a hostile package', { id: 'MAL-1', aliases: ['CVE-2026-0001'] }],
  [
    'what a distribution says of its own package',
    { upstream: ['CVE-2026-0001'], entry: { ecosystem_specific: { urgency: 'high' } } },
  ],
])('%s lends nothing', async (_, more) => {
  await using rig = await open();
  const { id = 'X-1', ...rest } = more as { id?: string };
  await importAll(rig.db, [advisory(id, 'other', '9', rest)]);
  expect(await rig.rating()).toEqual(unknown as never);
});
