import { expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileSystem } from '../../src/content/index.ts';
import { brokenPromises, type Moment, openRig, runClient } from './power-cut.ts';

/** How many power cuts are tried. */
const cuts = Number(process.env['BONDED_TEST_CUTS'] ?? 300);
/** Most moments of one history that are looked at. */
const cutsPerHistory = 100;

/** Runs one history of concurrent pushes, cuts the power at moments of it, and returns what was broken. */
async function tryHistory(seed: number, most: number, breakFileSystem?: (fs: FileSystem) => FileSystem) {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-power-'));
  try {
    const random = mulberry32(seed);
    const moments: Moment[] = [];
    const rig = await openRig(directory, {
      random,
      onMoment: (moment) => moments.push(moment),
      ...(breakFileSystem && { breakFileSystem }),
    });
    await Promise.all(['a', 'b', 'c'].map((name) => runClient(rig, name, random)));
    await rig.db.close();
    // Every moment where there are few; else evenly, with another beginning in each history.
    const stride = Math.max(1, moments.length / most);
    const broken: string[] = [];
    let tried = 0;
    for (let at = random() * stride; at < moments.length; at += stride) {
      const moment = moments[Math.floor(at)]!;
      for (const problem of await brokenPromises(join(directory, 'cut'), moment)) {
        broken.push(`seed ${seed}, moment ${Math.floor(at)} of ${moments.length}: ${problem}`);
      }
      tried++;
    }
    return { tried, broken };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test(
  `a power cut at any moment loses nothing that was acknowledged (${cuts} cuts)`,
  async () => {
    let tried = 0;
    for (let seed = 1; tried < cuts; seed++) {
      const history = await tryHistory(seed, Math.min(cutsPerHistory, cuts - tried));
      expect(history.broken).toEqual([]);
      tried += history.tried;
    }
    expect(tried).toBeGreaterThanOrEqual(cuts);
  },
  600_000,
);

// What the test above would say of a store that leaves out one of the calls.
const mistakes: Record<string, (fs: FileSystem) => FileSystem> = {
  'no datasync of the bytes': (fs) => ({
    ...fs,
    async open(path) {
      return { ...(await fs.open(path)), datasync: async () => {} };
    },
  }),
  'no sync of the shard after the rename': (fs) => ({
    ...fs,
    syncDirectory: async (path) => (/\/[0-9a-f]{2}$/.test(path) ? undefined : fs.syncDirectory(path)),
  }),
  'no sync of the directory that holds the shards': (fs) => ({
    ...fs,
    syncDirectory: async (path) => (path.endsWith('sha256') ? undefined : fs.syncDirectory(path)),
  }),
  'no sync of the staging directory': (fs) => ({
    ...fs,
    syncDirectory: async (path) => (path.endsWith('uploads') ? undefined : fs.syncDirectory(path)),
  }),
};

for (const [mistake, breakFileSystem] of Object.entries(mistakes)) {
  test(
    `the test finds a store with ${mistake}`,
    async () => {
      const broken: string[] = [];
      for (let seed = 1; seed <= 10 && broken.length === 0; seed++) {
        broken.push(...(await tryHistory(seed, cutsPerHistory, breakFileSystem)).broken);
      }
      expect(broken.length).toBeGreaterThan(0);
    },
    120_000,
  );
}

/** A small seeded generator, so that a history can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
