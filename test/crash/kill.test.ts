import { expect, test } from 'bun:test';
import { claimDatabase } from '../support/postgres-databases.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { type Lives, liveThrough } from './lives.ts';

const kills = Number(process.env['BONDED_TEST_KILLS'] ?? 16);
const seed = Number(process.env['BONDED_TEST_SEED'] ?? Date.now() % 1_000_000);
/** Data directories are begun anew after so many kills: what is left over is then easier to explain. */
const killsInRound = 500;

/** An empty database for one lane of one round. */
type Claim = () => Promise<{ url: string; release(): Promise<void> }>;
const sqlite: Claim = async () => ({ url: '', release: async () => {} });

interface Where {
  claim?: Claim;
  processes?: number;
  s3?: boolean;
}

/** Rounds of kills, each lane of each with a seed of its own. */
async function killAndKill(total: number, lanes: number, { claim = sqlite, ...where }: Where = {}): Promise<void> {
  const began = performance.now();
  const all: Lives[] = [];
  const killed = () => all.reduce((sum, lives) => sum + lives.kills, 0);
  for (let next = seed; killed() < total; next += lanes) {
    const share = Math.ceil(Math.min(killsInRound, total - killed()) / lanes);
    console.log(`seeds from ${next}; repeat with BONDED_TEST_SEED=${next}`);
    const ends = await Promise.allSettled(
      Array.from({ length: lanes }, async (_, lane) => {
        const { url, release } = await claim();
        try {
          const keep = kills > killsInRound;
          return await liveThrough({ kills: share, seed: next + lane, database: url, keep, ...where });
        } finally {
          await release();
        }
      }),
    );
    for (const end of ends) {
      if (end.status === 'rejected') throw end.reason;
      all.push(end.value);
    }
    const starts = all.flatMap((lives) => lives.startMs).toSorted((a, b) => a - b);
    const answered = all.reduce((sum, lives) => sum + lives.answered, 0);
    console.log(
      `${killed()} kills in ${((performance.now() - began) / 1000).toFixed(1)} s, ${answered} requests answered before them, ` +
        `start ${Math.round(starts[starts.length >> 1]!)} ms (longest ${Math.round(starts.at(-1)!)} ms)`,
    );
    if (where.s3) console.log(`of the S3 server: ${describeKills(all)}`);
    // Without a load the kills would prove nothing; of few of them, all may come at once.
    if (killed() >= 10) expect(answered).toBeGreaterThan(10 * killed());
  }
}

/** How often it was killed, and what of its own it left by that. */
function describeKills(all: readonly Lives[]): string {
  const sum = (kind: 'total' | 'completing' | 'replacing') =>
    all.reduce((total, { gatewayKills }) => total + (gatewayKills?.[kind] ?? 0), 0);
  return `${sum('total')} kills, ${sum('completing')} of which left an upload half completed, ${sum('replacing')} a second name`;
}

const boundMs = (total: number) => 300_000 + total * 5000;

test(
  `${kills} kills at random times lose nothing that was acknowledged and leave nothing over`,
  () => killAndKill(kills, 2),
  boundMs(kills),
);

const few = Math.ceil(kills / 10);

test(
  `${few} kills of a server with two workers lose nothing, and none of them goes on`,
  () => killAndKill(few, 1, { processes: 2 }),
  boundMs(few),
);

async function onPostgres(act: (claim: Claim) => Promise<void>): Promise<void> {
  const postgres = await startPostgres();
  try {
    await act(() => claimDatabase(postgres.url));
  } finally {
    await postgres.stop();
  }
}

test.skipIf(!findPostgres())(
  `${few} kills at random times lose nothing whose facts are in PostgreSQL${findPostgres() ? '' : ' (not found)'}`,
  () => onPostgres((claim) => killAndKill(few, 1, { claim })),
  boundMs(few),
);

/** Each takes as much of the processor as three on files. */
const inS3 = Math.max(4, Math.ceil(kills / 20));
const hasS3 = Bun.which('versitygw') !== null || Boolean(process.env['CI']);

test.skipIf(!hasS3)(
  `${inS3} kills lose nothing that is in S3 and leave nothing there, also when S3 is killed${hasS3 ? '' : ' (not found)'}`,
  () => killAndKill(inS3, 2, { s3: true }),
  boundMs(inS3),
);

const fewInS3 = Math.ceil(inS3 / 8);

test.skipIf(!hasS3 || !findPostgres())(
  `${fewInS3} kills lose nothing whose bytes are in S3, and whose facts are in PostgreSQL`,
  () => onPostgres((claim) => killAndKill(fewInS3, 1, { claim, s3: true })),
  boundMs(fewInS3),
);
