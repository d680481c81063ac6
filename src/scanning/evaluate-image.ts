import { type ScanEvidence, writeEvidence } from '../admission/index.ts';
import { placesOf } from '../catalog/index.ts';
import { type Database, packJson, type Parameter, rowsOf, type Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { endOfLifeOf } from '../packages/index.ts';
import { saidByEngines, type SaidByEngines } from './engines/engine-store.ts';
import { withEngines } from './engines/merge-findings.ts';
import { readFindings, type StoredFindings, versionOf } from './findings-store.ts';
import { type Finding, findingsIn, keyOf, summarise, worstOf } from './findings.ts';
import { ecosystemsOf, readInventory, type StoredInventory } from './image-store.ts';
import type { Knowledge } from './knowledge.ts';
import './tables.ts';

/** Changes that are recorded of an image at once: beyond that its findings say enough. */
const mostChanges = 2000;
/** Findings of an image, the worst: beyond that it is known in part. */
const mostFindings = 20_000;
const placesAtOnce = 500;
/** How often it is begun anew because something else was faster. */
const mostTries = 5;

interface Context {
  db: Database;
  now: () => number;
}

/**
 * Says of an image what is known against its packages now: keeps its findings and what changed of them, and hands them to
 * admission as evidence, in each registry that has it. Whatever else evaluates it at the same time, the last word of both is that
 * of the newest knowledge. Asked again with the same knowledge it changes no finding. False where it was never read, or is gone.
 */
export async function evaluateImage(
  { db, now }: Context,
  { scanId, digest }: { scanId: number; digest: Digest },
  knowledge: Knowledge,
): Promise<boolean> {
  for (let tries = 0; tries < mostTries; tries++) {
    const [stored, before, said] = await Promise.all([
      readInventory(db, scanId),
      readFindings(db, scanId),
      saidByEngines(db, scanId),
    ]);
    if (!stored) return false;
    // What somebody else has found meanwhile with the same knowledge is as good.
    const isNewer = before && before.advisoryRevision >= knowledge.revision + (tries > 0 ? 0 : 1);
    // What an engine has said since is for whoever has kept it, and comes with the newest knowledge.
    const isWhole = before && (before.engines === said.mark || before.advisoryRevision > knowledge.revision);
    let found = isNewer && isWhole && before.scannedAt === stored.scannedAt ? before : undefined;
    if (!found) {
      found = await evaluate(db, { stored, before, said }, knowledge, now());
      const kept = found;
      if (!(await db.write((tx) => keep(tx, scanId, before, kept)))) continue;
    }
    await tellAdmission(db, digest, evidenceOf(stored, found, knowledge));
    // Somebody else may have told of something newer before this.
    const version = await versionOf(db, scanId);
    if (version === undefined || version === found.version) return true;
  }
  throw new Error('the image was evaluated by others at the same time, again and again');
}

async function evaluate(
  db: Database,
  { stored, before, said }: { stored: StoredInventory; before: StoredFindings | undefined; said: SaidByEngines },
  knowledge: Knowledge,
  at: number,
): Promise<StoredFindings> {
  const seen = new Map(before?.findings.map(({ id, purl, firstSeen }) => [keyOf(id, purl), firstSeen]));
  const known = await knowledge.of(stored.componentIds.filter((id) => id !== null));
  const firstSeen = (id: string, purl: string) => seen.get(keyOf(id, purl)) ?? at;
  const own = findingsIn(stored, known, firstSeen);
  const { components } = stored.inventory;
  const all = said.mark === '' ? own : await withEngines(db, own, said, { components, firstSeen });
  return {
    findings: worstOf(all, mostFindings),
    summary: summarise(all),
    isCut: all.length > mostFindings,
    advisoryRevision: knowledge.revision,
    scannedAt: stored.scannedAt,
    evaluatedAt: at,
    version: (before?.version ?? 0) + 1,
    engines: said.mark,
  };
}

/** False where something else was faster. */
async function keep(
  tx: Transaction,
  scanId: number,
  before: StoredFindings | undefined,
  after: StoredFindings,
): Promise<boolean> {
  // Whoever forgets the image, or reads it anew, waits for this.
  const [scan, inventory, version] = await Promise.all([
    tx.first('SELECT id FROM scans WHERE id = ? FOR UPDATE', [scanId]),
    tx.first<{ at: number }>('SELECT scanned_at AS at FROM image_inventories WHERE scan_id = ?', [scanId]),
    versionOf(tx, scanId),
  ]);
  if (!scan || inventory?.at !== after.scannedAt || version !== before?.version) return false;
  const { advisoryRevision, scannedAt, evaluatedAt, summary } = after;
  tx.send(
    `INSERT INTO image_findings (scan_id, version, engines, advisory_revision, scanned_at, evaluated_at, summary, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (scan_id) DO UPDATE SET version = excluded.version, engines = excluded.engines,
        advisory_revision = excluded.advisory_revision, scanned_at = excluded.scanned_at, evaluated_at = excluded.evaluated_at, summary = excluded.summary,
        body = excluded.body`,
    [
      scanId,
      after.version,
      after.engines,
      advisoryRevision,
      scannedAt,
      evaluatedAt,
      JSON.stringify({ ...summary, cut: after.isCut }),
      packJson(after.findings),
    ],
  );
  const changes = before ? changesBetween(before.findings, after.findings) : [];
  const rows = changes.map(([change, { id, purl }]) => [scanId, id, purl, change, evaluatedAt, advisoryRevision]);
  for (const { rows: list, values } of rowsOf<Parameter>(rows)) {
    tx.send(
      `INSERT INTO finding_changes (scan_id, vulnerability, purl, "change", at, advisory_revision) VALUES ${list}`,
      values,
    );
  }
  return true;
}

function changesBetween(before: readonly Finding[], after: readonly Finding[]): ['opened' | 'closed', Finding][] {
  const [old, now] = [before, after].map((list) => new Set(list.map(({ id, purl }) => keyOf(id, purl))));
  const opened = after.filter(({ id, purl }) => !old!.has(keyOf(id, purl)));
  const closed = before.filter(({ id, purl }) => !now!.has(keyOf(id, purl)));
  return [
    ...opened.map((finding): ['opened', Finding] => ['opened', finding]),
    ...closed.map((finding): ['closed', Finding] => ['closed', finding]),
  ].slice(0, mostChanges);
}

function evidenceOf(stored: StoredInventory, found: StoredFindings, knowledge: Knowledge): ScanEvidence {
  const ecosystems = ecosystemsOf(stored.inventory);
  const end = stored.inventory.os && endOfLifeOf(stored.inventory.os);
  return {
    kind: 'scan',
    status: found.isCut && stored.status === 'complete' ? 'partial' : stored.status,
    // Its layers never change: it is as good as scanned whenever it is compared with all that is known.
    scannedAt: found.evaluatedAt,
    advisoryRevision: found.advisoryRevision,
    advisoriesAt: knowledge.freshAt(ecosystems),
    ecosystems,
    ...(end && { osEol: end.ends }),
    ...(end?.standardEnds !== undefined && { osStandardEol: end.standardEnds }),
    ...(stored.baseCreatedAt !== undefined && { baseImageCreatedAt: stored.baseCreatedAt }),
    findings: found.findings,
  };
}

/** In each registry that has it. */
export async function tellAdmission(db: Database, digest: Digest, evidence: ScanEvidence): Promise<void> {
  const told = new Set<number>();
  for (let after = 0; ;) {
    const places = await placesOf(db, digest, placesAtOnce, after);
    for (const { registryId } of places) {
      if (told.has(registryId)) continue;
      told.add(registryId);
      await writeEvidence(db, registryId, digest, evidence);
    }
    if (places.length < placesAtOnce) return;
    after = places.at(-1)!.repositoryId;
  }
}
