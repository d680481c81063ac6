import { type Place, placesOf } from '../../catalog/index.ts';
import { type Database, listsOf } from '../../database/index.ts';
import type { Digest } from '../../oci/index.ts';
import type { Check } from '../../operations/index.ts';
import './tables.ts';

type FailedImage = Place & { digest: Digest };

/** An engine that has given up on images. */
export interface FailingEngine<Image = FailedImage> {
  engine: string;
  /** How many, up to `mostCounted`. */
  count: number;
  /** Some of them. */
  images: readonly Image[];
  /** Of one of them. */
  error: string;
}

export interface EngineFacts {
  failing: readonly FailingEngine<{ repository: string; digest: Digest; registry: string }>[];
  /** What stands for the server as a whole. */
  serverId: string;
}

/** Images that are counted of an engine. */
const mostCounted = 1000;

/** Images that are told by name. */
const mostNamed = 5;

/** Engines of the configuration that were tried too often with some image. */
export async function failingEngines(db: Database, engines: readonly string[]): Promise<FailingEngine[]> {
  const failing: FailingEngine[] = [];
  for (const engine of engines) {
    const row = await db.first<{ count: number; error: string | null }>(
      `SELECT count(*) AS count, max(error) AS error FROM (SELECT error FROM engine_scans
        WHERE engine = ? AND state = 'failed' LIMIT ${mostCounted}) AS counted`,
      [engine],
    );
    if (!row || row.count === 0) continue;
    failing.push({ engine, count: row.count, error: row.error ?? '', images: await failedImages(db, engine) });
  }
  return failing;
}

async function failedImages(db: Database, engine: string): Promise<FailedImage[]> {
  const rows = await db.all<{ id: number }>(
    `SELECT scan_id AS id FROM engine_scans WHERE engine = ? AND state = 'failed' LIMIT ${mostNamed}`,
    [engine],
  );
  const images: FailedImage[] = [];
  for (const { list, values } of listsOf(rows.map(({ id }) => id))) {
    const scans = await db.all<{ digest: Digest }>(`SELECT digest FROM scans WHERE id IN (${list})`, values);
    for (const { digest } of scans) {
      for (const place of await placesOf(db, digest, 1)) images.push({ ...place, digest });
    }
  }
  return images;
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
      failing.map(({ engine, count, images, error }) => {
        const many = count === 1 ? 'one image' : `${count}${count === mostCounted ? ' or more' : ''} images`;
        return {
          resourceId: serverId,
          problem: `${engine} has given up on ${many}, such as: ${error}`,
          commands: images.map(({ repository, digest, registry }) => {
            const image = `${repository}@${digest}`;
            return ['bonded', 'scan', 'start', image, '--registry', registry, '--wait'];
          }),
        };
      }),
  },
];
