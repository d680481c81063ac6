import { type Database, listsOf, type LookUps, type Parameter, rowsOf, type Transaction } from '../database/index.ts';
import { line } from './bounds.ts';
import { lockClock, tellClock } from './clock.ts';
import { beginRun, requireRun } from './feed-rows.ts';
import type { ImportContext } from './import-context.ts';
import { importRefused } from './import-error.ts';
import { listOf, objectOf } from './read-record.ts';
import type { FeedUpdate } from './record-feed.ts';
import { markChanged } from './rematch.ts';
import './tables.ts';

/** Longest catalogue; the real one has 1.5 MiB (bytes). */
export const kevBytes = 32 * 1024 * 1024;
const mostEntries = 100_000;
/** So much of a catalogue may go at once, where it is not a small one. */
const mostGone = 0.5;
const fewEntries = 100;
export const kevFeed = { id: 'kev', licence: 'CC0-1.0' } as const;

interface ExploitedEntry {
  cve: string;
  dateAdded: string;
  ransomware: boolean;
}

/** Reads CISA's catalogue of known exploited vulnerabilities. Throws AdvisoryImportError where it is none. */
function readKev(bytes: Uint8Array): { entries: ExploitedEntry[]; refused: number } {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (error) {
    throw importRefused('the catalogue is no JSON, or it is cut off', error);
  }
  const found = new Map<string, ExploitedEntry>();
  let refused = 0;
  for (const one of listOf(objectOf(json)?.['vulnerabilities']).slice(0, mostEntries)) {
    const { cveID: cve, dateAdded, knownRansomwareCampaignUse: use } = objectOf(one) ?? {};
    if (typeof cve !== 'string' || !/^CVE-[0-9]{4}-[0-9]{4,12}$/.test(cve)) {
      refused++;
      continue;
    }
    found.set(cve, { cve, dateAdded: line(dateAdded, 10), ransomware: use === 'Known' });
  }
  if (found.size === 0) throw importRefused('it is no catalogue of CISA, or it is empty');
  return { entries: [...found.values()], refused };
}

/** Reads and stores a catalogue. */
export async function storeKev({ db, force }: ImportContext, bytes: Uint8Array): Promise<FeedUpdate> {
  const { entries, refused } = readKev(bytes);
  const run = await beginRun(db, kevFeed.id, { whole: true });
  const changed = await replaceKev(db, { part: kevFeed.id, run }, entries, (known, gone) => {
    if (force || known < fewEntries || gone <= known * mostGone) return;
    throw importRefused(
      `it has only ${known - gone} of the ${known} vulnerabilities that are known to be exploited, so nothing was changed; if that is right, sync it again with --force`,
    );
  });
  return {
    outcome: { run, records: entries.length + refused, changed, refused },
    etag: '',
    position: '',
    whole: 'imported',
  };
}

/**
 * Replaces the catalogue, in one transaction. Components that it concerns are told to be looked at again. `believe` throws where
 * too many of those that are known would go.
 */
export async function replaceKev(
  db: Database,
  { part, run }: { part: string; run: number },
  entries: readonly ExploitedEntry[],
  believe: (known: number, gone: number) => void = () => {},
): Promise<number> {
  return db.write(async (tx) => {
    const revision = await lockClock(tx);
    await requireRun(tx, part, run);
    const known = new Map(
      (
        await tx.all<{ cve: string; date_added: string; ransomware: number }>(
          'SELECT cve, date_added, ransomware FROM known_exploited ORDER BY cve LIMIT ?',
          [mostEntries],
        )
      ).map((row) => [row.cve, row]),
    );
    const wanted = new Set(entries.map(({ cve }) => cve));
    const gone = [...known.keys()].filter((cve) => !wanted.has(cve));
    believe(known.size, gone.length);
    const changed = entries.filter(({ cve, dateAdded, ransomware }) => {
      const row = known.get(cve);
      return row?.date_added !== dateAdded || row.ransomware !== Number(ransomware);
    });
    for (const { list, values } of listsOf(gone)) tx.send(`DELETE FROM known_exploited WHERE cve IN (${list})`, values);
    for (const { rows, values } of rowsOf<Parameter>(
      changed.map(({ cve, dateAdded, ransomware }) => [cve, dateAdded, Number(ransomware)]),
    )) {
      tx.send(
        `INSERT INTO known_exploited (cve, date_added, ransomware) VALUES ${rows}
          ON CONFLICT (cve) DO UPDATE SET date_added = excluded.date_added, ransomware = excluded.ransomware`,
        values,
      );
    }
    const cves = [...gone, ...changed.map(({ cve }) => cve)];
    tx.send('UPDATE advisory_feeds SET records = ? WHERE id = ?', [entries.length, part]);
    // The same once more is nothing new, whatever others have changed meanwhile.
    if (cves.length === 0) return 0;
    const last = markChanged(tx, revision, await componentsOf(tx, cves));
    tx.send('UPDATE advisory_feeds SET revision = ? WHERE id = ?', [last, part]);
    tellClock(tx, last);
    return cves.length;
  });
}

/** Components against which some vulnerabilities are known. */
export async function componentsOf(tx: Transaction, aliases: readonly string[]): Promise<Set<number>> {
  const found = new Set<number>();
  for (const { list, values } of listsOf(aliases)) {
    const rows = await tx.all<{ component_id: number }>(
      `SELECT m.component_id FROM advisory_aliases a JOIN component_matches m ON m.advisory_id = a.advisory_id
        WHERE a.alias IN (${list})`,
      values,
    );
    for (const { component_id } of rows) found.add(component_id);
  }
  return found;
}

/** What the catalogue says of some CVEs. */
export async function exploitedOf(
  db: LookUps,
  cves: readonly string[],
): Promise<Map<string, { dateAdded: string; ransomware: boolean }>> {
  const found = listsOf(cves).map(({ list, values }) =>
    db.all<{ cve: string; date_added: string; ransomware: number }>(
      `SELECT cve, date_added, ransomware FROM known_exploited WHERE cve IN (${list})`,
      values,
    ),
  );
  const rows = (await Promise.all(found)).flat();
  return new Map(rows.map((row) => [row.cve, { dateAdded: row.date_added, ransomware: row.ransomware === 1 }]));
}
