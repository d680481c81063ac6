import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  advisoryMigrations,
  changedComponents,
  componentsWith,
  findComponents,
  type ImportContext,
  importFile,
  openFile,
  registerComponents,
  vulnerabilitiesOf,
} from '../../src/advisories/index.ts';
import { type Database, openDatabase, rowsOf } from '../../src/database/index.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../../test/support/postgres.ts';
import { exportPath, exports, hasExports, namedComponents } from '../advisories/components.ts';
import { createDatabase } from '../client/old-facts.ts';
import { crowdOf, type Figures, type Row, type Shape, type Situation } from '../shape.ts';

const images = 10_000;
/** Components of one image. */
const ofImage = 300;
const databases = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const;
let postgres: TestPostgres | undefined;
let measurement = 0;

const rowsFor = (key: keyof typeof databases): Row[] => [
  {
    key,
    what: `all advisories new, until the images that they concern are named, over ${databases[key]}`,
    unit: 's',
    better: 'less',
    limits: { bonded: 60 },
  },
  { key: `${key}Package`, what: `which images have a package, over ${databases[key]}`, unit: 'ms', better: 'less' },
  { key: `${key}Vulnerability`, what: `which images have a CVE, over ${databases[key]}`, unit: 'ms', better: 'less' },
];

export const advisoryUpdate: Shape = {
  name: 'advisory-update',
  about:
    `${images.toLocaleString('en')} images of ${ofImage} packages each, drawn from every package and version that the real ` +
    'advisories of Go and PyPI name and from the packages of this machine; then all of these 6,952 advisories come at once. No ' +
    'layer is read.',
  contenders: ['bonded'],
  long: true,
  startsServers: true,
  needs: [...(findPostgres() ? [] : ['postgres']), ...(hasExports() ? [] : ['shared/testdata/osv'])],
  rounds: 1,
  rows: [...rowsFor('sqlite'), ...rowsFor('postgres')],
  async prepare({ scale }) {
    postgres = await startPostgres({ durable: !scale.brief });
  },
  async finish() {
    await postgres?.stop();
    postgres = undefined;
  },
  async measure(situation) {
    const directory = await mkdtemp(join(situation.directory, 'advisories-'));
    try {
      const url = await createDatabase(postgres!.url, `advisories${++measurement}`);
      const sqlite = { kind: 'sqlite', path: join(directory, 'bonded.db'), migrations: advisoryMigrations } as const;
      const server = {
        kind: 'postgres',
        url,
        migrations: advisoryMigrations,
        poolSize: 8,
        preparedStatements: true,
      } as const;
      return {
        ...(await measureOn('sqlite', situation, await openDatabase(sqlite))),
        ...(await measureOn('postgres', situation, await openDatabase({ ...server, statementTimeoutMs: 60_000 }))),
      };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function measureOn(key: keyof typeof databases, situation: Situation, db: Database): Promise<Figures> {
  try {
    // Go's are fewer, and what is asked for is Go's.
    const ecosystems = situation.scale.brief ? ['Go'] : exports;
    const popular = await fill(db, crowdOf(situation, images), ecosystems, situation.scale.brief ? 2000 : Infinity);
    const began = performance.now();
    const context: ImportContext = { db, now: Date.now, rest: async () => {}, maxBytes: 2 ** 30 };
    for (const ecosystem of ecosystems) {
      await using file = await openFile(exportPath(ecosystem));
      await importFile(context, file, { origin: ecosystem, wants: () => true });
    }
    const concerned = new Set<number>();
    for (let revision = 0; ;) {
      const page = await changedComponents(db, revision, 500);
      if (page.componentIds.length === 0) break;
      for (const image of await imagesOf(db, page.componentIds)) concerned.add(image);
      ({ revision } = page);
    }
    const seconds = (performance.now() - began) / 1000;
    if (concerned.size === 0) throw new Error('no image is concerned');
    const asked = await askedOf(db, popular);
    return {
      [key]: seconds,
      [`${key}Package`]: await timed(db, () => findComponents(db, asked.purl)),
      [`${key}Vulnerability`]: await timed(db, () => componentsWith(db, asked.vulnerability)),
    };
  } finally {
    await db.close();
  }
}

/** What is asked for: the first package in one version that images have and something is known against. */
async function askedOf(db: Database, popular: readonly Popular[]): Promise<{ purl: string; vulnerability: string }> {
  for (const { id, name, version } of popular) {
    const [first] = (await vulnerabilitiesOf(db, [id])).get(id) ?? [];
    if (first) return { purl: `pkg:golang/${name}@${version}`, vulnerability: first.id };
  }
  throw new Error('nothing is known against any package');
}

interface Popular {
  id: number;
  name: string;
  version: string;
}

/** The median of some (ms), with the images themselves. */
async function timed(db: Database, find: () => Promise<{ id: number }[]>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 21; n++) {
    const began = performance.now();
    const found = await imagesOf(
      db,
      (await find()).map(({ id }) => id),
    );
    times.push(performance.now() - began);
    if (found.length === 0) throw new Error('no image was found');
  }
  return times.toSorted((one, other) => one - other)[10]!;
}

async function imagesOf(db: Database, components: readonly number[]): Promise<number[]> {
  const list = components.map((id) => Math.trunc(id)).join(',');
  const found = await db.all<{ image: number }>(
    `SELECT DISTINCT image FROM bench_image_components WHERE component_id IN (${list})`,
    [],
  );
  return found.map(({ image }) => image);
}

/** Which image has what, as whoever scans keeps it; drawn by a fixed rule, popular packages more often, of which some are returned. */
async function fill(db: Database, count: number, ecosystems: readonly string[], most: number): Promise<Popular[]> {
  await db.write(async (tx) => {
    await tx.run('CREATE TABLE bench_image_components (image INTEGER NOT NULL, component_id INTEGER NOT NULL)', []);
  });
  const components = (await namedComponents(ecosystems)).slice(0, most);
  const ids: number[] = [];
  for (let at = 0; at < components.length; at += 2000) {
    const some = components.slice(at, at + 2000);
    ids.push(...(await db.write((tx) => registerComponents(tx, some))));
  }
  let state = 1;
  const random = () => ((state = (state * 48_271) % 2_147_483_647) / 2_147_483_647) ** 2;
  for (let image = 0; image < count; image += 100) {
    const rows: number[][] = [];
    for (let n = image; n < Math.min(image + 100, count); n++) {
      const own = new Set(Array.from({ length: ofImage }, () => ids[Math.floor(random() * ids.length)]!));
      for (const id of own) rows.push([n, id]);
    }
    await db.write(async (tx) => {
      for (const { rows: list, values } of rowsOf(rows))
        tx.send(`INSERT INTO bench_image_components (image, component_id) VALUES ${list}`, values);
    });
  }
  await db.write(async (tx) => {
    await tx.run('CREATE INDEX bench_component_images ON bench_image_components (component_id, image)', []);
    await tx.run('ANALYZE', []);
  });
  const had = new Set((await imagesHave(db, ids.slice(0, 500))).map(({ component_id }) => component_id));
  return ids
    .slice(0, 500)
    .flatMap((id, at) => (had.has(id) && components[at]!.ecosystem === 'Go' ? [{ id, ...components[at]! }] : []));
}

function imagesHave(db: Database, ids: readonly number[]): Promise<{ component_id: number }[]> {
  const list = ids.map((id) => Math.trunc(id)).join(',');
  return db.all(`SELECT DISTINCT component_id FROM bench_image_components WHERE component_id IN (${list})`, []);
}
