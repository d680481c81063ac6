import { listsOf, type Parameter, rowsOf, type Transaction } from '../database/index.ts';
import { keepEngineFindings } from './engines/engine-findings.ts';
import type { Finding } from './findings.ts';
import type { StoredFindings } from './findings-store.ts';
import { type KeptFindings, packSeen, type SeenFindings, seenIn } from './seen-findings.ts';
import './tables.ts';

/** Changes that are recorded of an image at once: beyond that its findings say enough. */
const mostChanges = 2000;

/** An image as it was evaluated. */
export interface EvaluatedImage {
  scanId: number;
  /** Of the inventory that it was evaluated by (ms). */
  scannedAt: number;
  before: KeptFindings | undefined;
  /** What is to be kept, with its findings as `packJson` makes them; undefined where `before` is as good. */
  written: (StoredFindings & { packed: Uint8Array }) | undefined;
}

/**
 * Keeps the findings of images and what came and went of them. Resolves with the scans of which that is the last word, whose
 * rows are locked: of others something else was faster, or they are gone. Images come in the order of their scans, which is that
 * in which rows are locked: scans → evidence → verdicts.
 */
export async function keepFindings(tx: Transaction, images: readonly EvaluatedImage[]): Promise<Set<number>> {
  const [{ list, values }] = listsOf(images.map(({ scanId }) => scanId)) as [{ list: string; values: number[] }];
  // Whoever forgets an image, or reads it anew, waits for this.
  const locked = tx.all<{ id: number }>(`SELECT id FROM scans WHERE id IN (${list}) ORDER BY id FOR UPDATE`, values);
  // A statement of its own: it sees what was committed while that one waited.
  const states = tx.all<{ id: number; at: number; version: number | null }>(
    `SELECT i.scan_id AS id, i.scanned_at AS at, f.version FROM image_inventories i
      LEFT JOIN image_findings f ON f.scan_id = i.scan_id WHERE i.scan_id IN (${list})`,
    values,
  );
  const there = new Set((await locked).map(({ id }) => id));
  const now = new Map((await states).map((state) => [state.id, state]));
  const held = images.filter(({ scanId, scannedAt, before }) => {
    const state = there.has(scanId) ? now.get(scanId) : undefined;
    return state?.at === scannedAt && (state.version ?? undefined) === before?.version;
  });
  const written = held.flatMap(({ written: found, ...image }) =>
    found ? [{ ...image, found, seen: seenIn(found.findings) }] : [],
  );
  for (const { rows, values: cells } of rowsOf<Parameter>(written.map(rowOf))) {
    tx.send(
      `INSERT INTO image_findings (scan_id, version, engines, advisory_revision, scanned_at, evaluated_at, summary, body, seen)
        VALUES ${rows}
        ON CONFLICT (scan_id) DO UPDATE SET version = excluded.version, engines = excluded.engines,
          advisory_revision = excluded.advisory_revision, scanned_at = excluded.scanned_at,
          evaluated_at = excluded.evaluated_at, summary = excluded.summary, body = excluded.body, seen = excluded.seen`,
      cells,
    );
  }
  for (const { rows, values: cells } of rowsOf<Parameter>(written.flatMap(changesOf))) {
    tx.send(
      `INSERT INTO finding_changes (scan_id, vulnerability, purl, "change", at, advisory_revision) VALUES ${rows}`,
      cells,
    );
  }
  await keepEngineFindings(
    tx,
    written.map(({ scanId, before, found }) => ({ scanId, findings: found.findings, isFirst: !before })),
  );
  return new Set(held.map(({ scanId }) => scanId));
}

interface Written extends Pick<EvaluatedImage, 'scanId' | 'before'> {
  found: NonNullable<EvaluatedImage['written']>;
  seen: SeenFindings;
}

function rowOf({ scanId, found, seen }: Written): Parameter[] {
  const { version, engines, advisoryRevision, scannedAt, evaluatedAt, summary, isCut, packed } = found;
  const text = JSON.stringify({ ...summary, cut: isCut });
  return [scanId, version, engines, advisoryRevision, scannedAt, evaluatedAt, text, packed, packSeen(version, seen)];
}

/** What came and went; nothing of what is evaluated for the first time. */
function changesOf({ scanId, before, found, seen }: Written): Parameter[][] {
  if (!before) return [];
  const { evaluatedAt, advisoryRevision } = found;
  const row = (change: 'opened' | 'closed', { id, purl }: Pick<Finding, 'id' | 'purl'>) => {
    return [scanId, id, purl, change, evaluatedAt, advisoryRevision];
  };
  // The worst first: there may be more than are recorded.
  const opened = found.findings.filter(({ id, purl }) => !before.seen.get(purl)?.has(id));
  const closed = [...before.seen].flatMap(([purl, of]) =>
    [...of.keys()].filter((id) => !seen.get(purl)?.has(id)).map((id) => ({ id, purl })),
  );
  return [...opened.map((one) => row('opened', one)), ...closed.map((one) => row('closed', one))].slice(0, mostChanges);
}
