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

/** Rounds of kills, each lane of each with a seed of its own. */
async function killAndKill(total: number, lanes: number, claim: Claim, processes = 1): Promise<void> {
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
          return await liveThrough({ kills: share, seed: next + lane, database: url, keep, processes });
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
    // Without a load the kills would prove nothing; of few of them, all may come at once.
    if (killed() >= 10) expect(answered).toBeGreaterThan(10 * killed());
  }
}

const boundMs = (total: number) => 120_000 + total * 3000;

test(
  `${kills} kills at random times lose nothing that was acknowledged and leave nothing over`,
  () => killAndKill(kills, 2, sqlite),
  boundMs(kills),
);

const few = Math.ceil(kills / 10);

test(
  `${few} kills of a server with two workers lose nothing, and none of them goes on`,
  () => killAndKill(few, 1, sqlite, 2),
  boundMs(few),
);

test.skipIf(!findPostgres())(
  `${few} kills at random times lose nothing whose facts are in PostgreSQL${findPostgres() ? '' : ' (not found)'}`,
  async () => {
    const postgres = await startPostgres();
    try {
      await killAndKill(few, 1, () => claimDatabase(postgres.url));
    } finally {
      await postgres.stop();
    }
  },
  boundMs(few),
);
