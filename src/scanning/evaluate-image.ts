import { type Vulnerability, vulnerabilitiesOf } from '../advisories/index.ts';
import { type ScanEvidence, writeEvidence } from '../admission/index.ts';
import { type Place, placesOf } from '../catalog/index.ts';
import { type Database, type Parameter, rowsOf } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { type Finding, findingsIn, keyOf, type Summary, summarise } from './findings.ts';
import type { StoredInventory } from './image-store.ts';
import { pack, unpack } from './pack.ts';
import './tables.ts';

/** Changes that are recorded of an image at once: beyond that its findings say enough. */
const mostChanges = 2000;
const placesAtOnce = 500;

export interface StoredFindings {
  findings: Finding[];
  summary: Summary;
  advisoryRevision: number;
  /** ms. */
  evaluatedAt: number;
}

/** What advisories say, at one moment. */
export interface Knowledge {
  revision: number;
  /** How fresh the oldest feed is that speaks of an ecosystem (ms); 0 where none does. */
  freshAt(ecosystems: readonly string[]): number;
  of(componentIds: readonly number[]): Promise<ReadonlyMap<number, readonly Vulnerability[]>>;
}

export async function readFindings(db: Database, scanId: number): Promise<StoredFindings | undefined> {
  const row = await db.first<{ body: Uint8Array<ArrayBuffer>; summary: string; revision: number; at: number }>(
    `SELECT body, summary, advisory_revision AS revision, evaluated_at AS at FROM image_findings WHERE scan_id = ?`,
    [scanId],
  );
  return (
    row && {
      findings: unpack<Finding[]>(row.body),
      summary: JSON.parse(row.summary) as Summary,
      advisoryRevision: row.revision,
      evaluatedAt: row.at,
    }
  );
}

/** Knowledge that asks the advisories, and remembers what it was told as long as it lives: one round of work. */
export function createKnowledge(
  db: Database,
  revision: number,
  freshAt: (ecosystems: readonly string[]) => number,
): Knowledge {
  const known = new Map<number, readonly Vulnerability[]>();
  return {
    revision,
    freshAt,
    async of(componentIds) {
      const missing = [...new Set(componentIds)].filter((id) => !known.has(id));
      for (const [id, found] of await vulnerabilitiesOf(db, missing)) known.set(id, found);
      return known;
    },
  };
}

/**
 * Says of an image what is known against its packages now: keeps its findings and what changed of them, and hands them to
 * admission as evidence, in each registry that has it. Asked again with the same knowledge it changes nothing.
 */
export async function evaluateImage(
  { db, now }: { db: Database; now: () => number },
  { scanId, digest }: { scanId: number; digest: Digest },
  stored: StoredInventory,
  knowledge: Knowledge,
): Promise<void> {
  const at = now();
  const before = await readFindings(db, scanId);
  const seen = new Map(before?.findings.map(({ id, purl, firstSeen }) => [keyOf(id, purl), firstSeen]));
  const ids = stored.componentIds.filter((id) => id !== null);
  const findings = findingsIn(stored, await knowledge.of(ids), (id, purl) => seen.get(keyOf(id, purl)) ?? at);
  const summary = summarise(findings);
  const changes = before ? changesOf(before.findings, findings) : [];
  await db.write(async (tx) => {
    await tx.run(
      `INSERT INTO image_findings (scan_id, advisory_revision, evaluated_at, summary, body) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (scan_id) DO UPDATE SET advisory_revision = excluded.advisory_revision,
          evaluated_at = excluded.evaluated_at, summary = excluded.summary, body = excluded.body`,
      [scanId, knowledge.revision, at, JSON.stringify(summary), pack(findings)],
    );
    const rows = changes.map(([change, { id, purl }]) => [scanId, id, purl, change, at, knowledge.revision]);
    for (const { rows: list, values } of rowsOf<Parameter>(rows)) {
      tx.send(
        `INSERT INTO finding_changes (scan_id, vulnerability, purl, "change", at, advisory_revision) VALUES ${list}`,
        values,
      );
    }
  });
  const ecosystems = [...new Set(stored.inventory.components.map(({ ecosystem }) => ecosystem))].filter(Boolean);
  await tellAdmission(db, digest, {
    kind: 'scan',
    status: stored.status,
    scannedAt: stored.scannedAt,
    advisoryRevision: knowledge.revision,
    advisoriesAt: knowledge.freshAt(ecosystems),
    ...(stored.baseCreatedAt !== undefined && { baseImageCreatedAt: stored.baseCreatedAt }),
    findings,
  });
}

/** In each registry that has it. */
export async function tellAdmission(db: Database, digest: Digest, evidence: ScanEvidence): Promise<void> {
  const registries = new Set<number>();
  for (let after = 0, places: Place[]; ; after = places.at(-1)!.repositoryId) {
    places = await placesOf(db, digest, placesAtOnce, after);
    for (const { registryId } of places) registries.add(registryId);
    if (places.length < placesAtOnce) break;
  }
  for (const registryId of registries) await writeEvidence(db, registryId, digest, evidence);
}

function changesOf(before: readonly Finding[], after: readonly Finding[]): ['opened' | 'closed', Finding][] {
  const keys = (findings: readonly Finding[]) => new Set(findings.map(({ id, purl }) => keyOf(id, purl)));
  const [had, has] = [keys(before), keys(after)];
  const opened = after.filter(({ id, purl }) => !had.has(keyOf(id, purl)));
  const closed = before.filter(({ id, purl }) => !has.has(keyOf(id, purl)));
  return [
    ...opened.map((finding) => ['opened', finding] as ['opened', Finding]),
    ...closed.map((finding) => ['closed', finding] as ['closed', Finding]),
  ].slice(0, mostChanges);
}
