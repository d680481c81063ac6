import type { ScanEvidence } from '../admission/index.ts';
import type { Database } from '../database/index.ts';
import { endOfLifeOf } from '../packages/index.ts';
import type { SaidByEngines } from './engines/engine-store.ts';
import { withEngines } from './engines/merge-findings.ts';
import { findingsIn, summarise, worstOf } from './findings.ts';
import type { StoredFindings } from './findings-store.ts';
import { readInventory } from './image-store.ts';
import type { Knowledge, KnownVulnerability } from './knowledge.ts';
import type { MatchedInventory } from './matched-packages.ts';
import type { KeptFindings } from './seen-findings.ts';
import { inTurns, turn } from './turn.ts';

/** Findings of an image, the worst: beyond that it is known in part. */
const mostFindings = 20_000;

/** What is stored of an image that is evaluated. */
export interface StoredImage {
  scanId: number;
  stored: MatchedInventory;
  before: KeptFindings | undefined;
  said: SaidByEngines;
}

/** What is known against the packages of an image now; `known` has all that advisories say of its components. */
export async function evaluate(
  db: Database,
  { scanId, stored, before, said }: StoredImage,
  known: ReadonlyMap<number, readonly KnownVulnerability[]>,
  { revision }: Pick<Knowledge, 'revision'>,
  at: number,
): Promise<StoredFindings> {
  const firstSeen = (id: string, purl: string) => before?.seen.get(purl)?.get(id) ?? at;
  let all = await inTurns(findingsIn(stored.packages, known, firstSeen));
  if (all.length > mostFindings) await turn();
  if (said.mark !== '') {
    // By whichever of its names an engine calls a package. Read anew meanwhile: then nothing of this is kept.
    const components = (await readInventory(db, scanId))?.inventory.components ?? [];
    // Of three engines with 20,000 findings each, each of these takes some hundred ms.
    await turn();
    all = await withEngines(db, all, said, { components, firstSeen });
    await turn();
  }
  const findings = worstOf(all, mostFindings);
  if (all.length > mostFindings) await turn();
  return {
    findings,
    summary: summarise(all),
    isCut: all.length > mostFindings,
    advisoryRevision: revision,
    scannedAt: stored.scannedAt,
    evaluatedAt: at,
    version: (before?.version ?? 0) + 1,
    engines: said.mark,
  };
}

/** What admission is told of it, but for the findings. */
export function evidenceOf(
  { status, os, ecosystems, baseCreatedAt }: MatchedInventory,
  found: Pick<StoredFindings, 'isCut' | 'evaluatedAt' | 'advisoryRevision'>,
  knowledge: Pick<Knowledge, 'freshAt'>,
): Omit<ScanEvidence, 'findings'> {
  const end = os && endOfLifeOf(os);
  return {
    kind: 'scan',
    status: found.isCut && status === 'complete' ? 'partial' : status,
    // Its layers never change: it is as good as scanned whenever it is compared with all that is known.
    scannedAt: found.evaluatedAt,
    advisoryRevision: found.advisoryRevision,
    advisoriesAt: knowledge.freshAt(ecosystems),
    ecosystems,
    ...(end && { osEol: end.ends }),
    ...(end?.standardEnds !== undefined && { osStandardEol: end.standardEnds }),
    ...(baseCreatedAt !== undefined && { baseImageCreatedAt: baseCreatedAt }),
  };
}
