import { afterAll, expect, test } from 'bun:test';
import type { FileSystem } from '../../src/content/index.ts';
import { type Book, runClient } from './power-cut-clients.ts';
import { findBroken } from './power-cut-inspect.ts';
import { emptyLedger, type Ledger } from './power-cut-ledger.ts';
import {
  createTemplate,
  createWorkshop,
  type Mistake,
  openRemains,
  openWorld,
  type Picture,
} from './power-cut-world.ts';
import { createRandom } from './random.ts';

/** How many power cuts are tried. A history has a hundred moments or more, and each of them is one. */
const cuts = Number(process.env['BONDED_TEST_CUTS'] ?? 2000);
const firstSeed = Number(process.env['BONDED_TEST_SEED'] ?? 1);
const clients = ['team/a', 'team/b'];
const stepsOfClient = 4;

const workshop = createWorkshop();
afterAll(() => workshop[Symbol.dispose]());
const template = await createTemplate(workshop.directory);

interface Moment {
  picture: Picture;
  ledger: Ledger;
}

/** Lets clients push and delete at random, and keeps a picture of every moment at which the power could go. */
async function live(seed: number, mistake: Mistake) {
  const moments: Moment[] = [];
  const book: Book = { ledger: emptyLedger, collections: 0 };
  let last: unknown[] = [];
  await using world = await openWorld(workshop.directory, template, {
    ...mistake,
    onStep(picture, version) {
      if (last[0] === version && last[1] === book.ledger) return;
      last = [version, book.ledger];
      moments.push({ picture: picture(), ledger: book.ledger });
    },
  });
  await Promise.all(
    clients.map((name, at) => runClient(world, book, name, stepsOfClient, createRandom(seed * 97 + at))),
  );
  return { moments, log: world.log() };
}

/** Cuts the power at every moment of a history; returns what was broken, and how many cuts there were. */
async function cutEverywhere(seed: number, mistake: Mistake = {}) {
  const { moments, log } = await live(seed, mistake);
  for (const [at, { picture, ledger }] of moments.entries()) {
    // Half of the times nothing survives that did not have to.
    const random = at % 2 === 0 ? undefined : createRandom(seed * 1009 + at);
    await using world = await openRemains(workshop.directory, template, log, picture, random);
    const broken = await findBroken(world, ledger).catch((error: Error) => [error.stack ?? error.message]);
    const where = `BONDED_TEST_SEED=${seed}, moment ${at} of ${moments.length}`;
    if (broken.length > 0) return { cuts: at + 1, broken: broken.map((what) => `${where}: ${what}`) };
  }
  return { cuts: moments.length, broken: [] };
}

test(
  `lesson 54: a power cut at any moment loses nothing that was acknowledged (${cuts} cuts)`,
  async () => {
    let tried = 0;
    for (let seed = firstSeed; tried < cuts; seed++) {
      const history = await cutEverywhere(seed);
      expect(history.broken).toEqual([]);
      tried += history.cuts;
    }
  },
  60_000 + cuts * 100,
);

const withFiles = (change: (fs: FileSystem) => Partial<FileSystem>): Mistake => ({
  breakFileSystem: (fs) => ({ ...fs, ...change(fs) }),
});
const withoutSyncOf = (directory: RegExp) =>
  withFiles((fs) => ({ syncDirectory: async (path) => (directory.test(path) ? undefined : fs.syncDirectory(path)) }));

/** What the test above would say of a server that leaves out one of the calls. */
const mistakes: Record<string, Mistake> = {
  'no sync of the bytes': withFiles((fs) => ({
    create: async (path) => ({ ...(await fs.create(path)), datasync: async () => {} }),
  })),
  'no sync of the directory of an object': withoutSyncOf(/blobs\/.*\/..$/),
  'no sync of the directory of a staging area': withoutSyncOf(/uploads\/..$/),
  'no sync of the directory of the shards': withoutSyncOf(/\/sha256$/),
  'no sync of the log of facts': { breakLog: true },
};

for (const [name, mistake] of Object.entries(mistakes)) {
  test(`the test would find: ${name}`, async () => {
    const broken: string[] = [];
    for (let seed = 1; seed <= 20 && broken.length === 0; seed++)
      broken.push(...(await cutEverywhere(seed, mistake)).broken);
    expect(broken.length).toBeGreaterThan(0);
  }, 120_000);
}
