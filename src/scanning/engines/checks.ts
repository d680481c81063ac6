import type { Database } from '../../database/index.ts';
import type { Check } from '../../operations/index.ts';
import './tables.ts';

/** An engine that has given up on images. */
export interface FailingEngine {
  engine: string;
  /** Up to `mostCounted`. */
  images: number;
  /** Of one of them. */
  error: string;
}

export interface EngineFacts {
  failing: readonly FailingEngine[];
  /** What stands for the server as a whole. */
  serverId: string;
}

/** Images that are counted of an engine. */
const mostCounted = 1000;

/** Engines of the configuration that were tried too often with some image. */
export async function failingEngines(db: Database, engines: readonly string[]): Promise<FailingEngine[]> {
  const counts = engines.map(async (engine): Promise<FailingEngine[]> => {
    const row = await db.first<{ images: number; error: string | null }>(
      `SELECT count(*) AS images, max(error) AS error FROM (SELECT error FROM engine_scans
        WHERE engine = ? AND state = 'failed' LIMIT ${mostCounted}) AS counted`,
      [engine],
    );
    return row && row.images > 0 ? [{ engine, images: row.images, error: row.error ?? '' }] : [];
  });
  return (await Promise.all(counts)).flat();
}

export const engineChecks: readonly Check<EngineFacts>[] = [
  {
    id: 'engines-failing',
    severity: 'low',
    title: 'A scanner beside the server has given up on images',
    why:
      'What it would find is missing from the findings of these images, and policies do not see it. It is tried again when ' +
      'they are scanned again. Put it right, or take it out of scanning.engines.',
    look: ({ failing, serverId }) =>
      failing.map(({ engine, images, error }) => ({
        resourceId: serverId,
        problem: `${engine}: ${images === mostCounted ? `${images} images or more` : images === 1 ? 'one image' : `${images} images`}, such as: ${error}`,
        commands: [],
      })),
  },
];
