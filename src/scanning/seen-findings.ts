import { type Database, listsOf, packJson, unpackJson } from '../database/index.ts';
import type { Finding } from './findings.ts';
import { findingsOf, type StoredFindings } from './findings-store.ts';
import './tables.ts';

/*
 * What of the findings of an image is read to evaluate it anew: which there are, and when each was first seen. It lies beside
 * them, and says of which version it is: nodes of the version before write those alone.
 */

/** When each vulnerability was first seen (ms), by package URL and id: keys of both together would be most of the work. */
export type SeenFindings = ReadonlyMap<string, ReadonlyMap<string, number>>;

export interface KeptFindings extends Omit<StoredFindings, 'findings' | 'summary'> {
  seen: SeenFindings;
}

/** As it lies in the column: package URL, id, time, id, time … */
interface Packed {
  version: number;
  seen: (string | number)[][];
}

export function seenIn(findings: readonly Pick<Finding, 'id' | 'purl' | 'firstSeen'>[]): SeenFindings {
  const seen = new Map<string, Map<string, number>>();
  for (const { id, purl, firstSeen } of findings) {
    const of = seen.get(purl);
    if (of) of.set(id, firstSeen);
    else seen.set(purl, new Map([[id, firstSeen]]));
  }
  return seen;
}

export function packSeen(version: number, seen: SeenFindings): Uint8Array {
  const rows = [...seen].map(([purl, of]) => [purl, ...[...of].flat()]);
  return packJson({ version, seen: rows } satisfies Packed);
}

/** Of several images, by their scans; of those that were never evaluated there is nothing. */
export async function keptFindings(db: Database, scanIds: readonly number[]): Promise<Map<number, KeptFindings>> {
  const found = listsOf(scanIds).map(({ list, values }) =>
    db.all<Omit<KeptFindings, 'seen' | 'isCut'> & { id: number; summary: string; seen: Uint8Array | null }>(
      `SELECT scan_id AS id, version, engines, seen, summary, advisory_revision AS "advisoryRevision",
          scanned_at AS "scannedAt", evaluated_at AS "evaluatedAt"
        FROM image_findings WHERE scan_id IN (${list})`,
      values,
    ),
  );
  const kept = new Map<number, KeptFindings>();
  const others: number[] = [];
  for (const { id, seen, summary, ...row } of (await Promise.all(found)).flat()) {
    const packed = seen && unpackJson<Packed>(seen);
    if (packed?.version !== row.version) others.push(id);
    else kept.set(id, { ...row, isCut: (JSON.parse(summary) as { cut: boolean }).cut, seen: unpacked(packed.seen) });
  }
  if (others.length === 0) return kept;
  for (const [id, { findings, summary: _, ...rest }] of await findingsOf(db, others)) {
    kept.set(id, { ...rest, seen: seenIn(findings) });
  }
  return kept;
}

function unpacked(rows: Packed['seen']): SeenFindings {
  return new Map(
    rows.map(([purl, ...of]) => {
      const seen = new Map<string, number>();
      for (let at = 0; at < of.length; at += 2) seen.set(of[at] as string, of[at + 1] as number);
      return [purl as string, seen];
    }),
  );
}
