import { join } from 'node:path';
import { findPostgres, startPostgres } from '../../test/support/postgres.ts';
import { s3Environment } from '../../test/support/s3.ts';
import { type TestProcess, startTestProcess } from '../../test/support/server.ts';
import { s3Settings } from '../../test/support/storage.ts';
import { pushOnce, smallImage } from '../client/content.ts';
import { addOldFacts, addStoredBlobs, createDatabase, undoMigration } from '../client/old-facts.ts';
import { beside, type PullLatencies, pullSteadily } from '../client/steady-pulls.ts';
import type { Contender } from '../peers/contenders.ts';
import { crowdOf, type Figures, type Row, type Shape, type Situation } from '../shape.ts';

const processes: Partial<Record<Contender, number>> = { bonded: 1, 'bonded ×2': 2 };
const repository = 'bench/steady';
const program = join(import.meta.dir, '..', '..', 'bin', 'bonded');
/** Blobs that `fsck` looks for in the bucket. */
const stored = 3000;
/** Rows of the tables of which an index is made. */
const rows = 300_000;
/** A body that comes with its length. */
const layerBytes = 100 * 1024;
const migrations = { Added: '0009-referrers-by-type', Replaced: '0010-links-by-digest' } as const;

interface Deployment {
  database: string;
  settings: Record<string, string | number | boolean>;
}
let deployed: Awaited<ReturnType<typeof deploy>> | undefined;

const beyond = (key: string, what: string): Row[] => [
  { key: `manifest${key}`, what: `manifest GET during ${what} ÷ without, 99th percentiles`, unit: '×', better: 'less' },
  { key: `blob${key}`, what: `blob pull during ${what} ÷ without, 99th percentiles`, unit: '×', better: 'less' },
];
const migrating = (key: keyof typeof migrations, what: string): Row[] => [
  ...beyond(key, `a migration that ${what}`),
  { key: `push${key}`, what: `longest small push during a migration that ${what}`, unit: 'ms', better: 'less' },
  { key: `seconds${key}`, what: `a migration that ${what}`, unit: 's', better: 'less' },
];

export const steadyNodes: Shape = {
  name: 'steady-nodes',
  about: `The same of one node over PostgreSQL and S3 (versitygw), with blobs of 100 KiB: by themselves, while \`bonded fsck\` compares ${stored.toLocaleString('en')} blobs with the bucket, and while another node, a release ahead, migrates tables of ${rows.toLocaleString('en')} rows.`,
  contenders: ['bonded', 'bonded ×2'],
  briefly: ['bonded'],
  long: true,
  startsServers: true,
  needs: ['versitygw', ...(findPostgres() ? [] : ['postgres'])],
  rounds: 1,
  rows: [
    { key: 'manifest', what: 'manifest GET at a fixed rate, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'blob', what: 'blob pull at a fixed rate, 99th percentile', unit: 'ms', better: 'less' },
    ...beyond('Fsck', '`fsck`'),
    ...migrating('Added', 'adds an index'),
    ...migrating('Replaced', 'replaces an index'),
  ],
  async prepare(situation) {
    deployed = await deploy(situation);
  },
  async finish() {
    await deployed?.postgres.stop();
    deployed = undefined;
  },
  async measure({ scale }, contender) {
    const { checked, migrated } = deployed!;
    const seconds = scale.seconds * 2;
    const count = processes[contender]!;
    const { alone, checking } = await measureFsck(checked, count, seconds);
    const figures: Figures = { ...alone, ...ratios('Fsck', checking, alone) };
    for (const [key, name] of Object.entries(migrations)) {
      const migration = await measureMigration(migrated, name, count, seconds);
      Object.assign(figures, ratios(key, migration.during, migration.alone));
      figures[`push${key}`] = migration.longestPush;
      figures[`seconds${key}`] = migration.seconds;
    }
    return figures;
  },
};

function ratios(key: string, during: PullLatencies, alone: PullLatencies): Figures {
  return { [`manifest${key}`]: during.manifest / alone.manifest, [`blob${key}`]: during.blob / alone.blob };
}

async function measureFsck(deployment: Deployment, count: number, seconds: number) {
  await using node = await serve(deployment, count);
  const pull = () => pullSteadily(peerOf(node), repository, seconds);
  const alone = await pull();
  return { alone, checking: await beside(commandOn(deployment, 'fsck'), pull, { ...process.env, ...s3Environment }) };
}

async function measureMigration(deployment: Deployment, name: string, count: number, seconds: number) {
  await using node = await serve(deployment, count);
  const peer = peerOf(node);
  const alone = await pullSteadily(peer, repository, seconds);
  await undoMigration(deployment.database, name);
  const pushes = pushUntilDone(peer.port);
  const began = performance.now();
  // Whatever opens a database that is older brings it up to date first.
  const migration = Bun.spawn(commandOn(deployment, 'nodes'), { stdio: ['ignore', 'ignore', 'inherit'] });
  const migrated = migration.exited.then(() => (performance.now() - began) / 1000);
  const during = await pullSteadily(peer, repository, seconds, 0);
  const took = await migrated;
  const longestPush = await pushes.end();
  if (migration.exitCode !== 0) throw new Error('the migration failed');
  return { alone, during, longestPush, seconds: took };
}

function serve({ database, settings }: Deployment, count = 1): Promise<TestProcess> {
  const more = { processes: count, 'gc.interval': '24h' };
  return startTestProcess({ database, environment: s3Environment, settings: { ...settings, ...more } });
}

const peerOf = ({ url }: TestProcess) => ({ url, port: Number(new URL(url).port) });

function commandOn({ database, settings }: Deployment, name: string): string[] {
  const given = Object.entries(settings).map(([key, value]) => `--set=${key}=${value}`);
  return [program, name, `--database=${database}`, ...given];
}

/** Databases and buckets, and what is in them. */
async function deploy(situation: Situation) {
  const postgres = await startPostgres();
  const deployOne = async (name: string): Promise<Deployment> => {
    const deployment = { database: await createDatabase(postgres.url, name), settings: await s3Settings() };
    await using node = await serve(deployment);
    await pushOnce(peerOf(node).port, repository, 'latest', smallImage(layerBytes));
    return deployment;
  };
  const [checked, migrated] = [await deployOne('checked'), await deployOne('migrated')];
  const bucket = String(checked.settings['storage.s3.bucket']);
  await addStoredBlobs(checked.database, bucket, crowdOf(situation, stored));
  await addOldFacts(migrated.database, crowdOf(situation, rows));
  return { checked, migrated, postgres };
}

/** Pushes one small image after the other; `end` resolves with how long the longest took (ms). */
function pushUntilDone(port: number) {
  let over = false;
  const longest = (async () => {
    let most = 0;
    while (!over) {
      const began = performance.now();
      await pushOnce(port, 'bench/pushed', 'latest', smallImage());
      most = Math.max(most, performance.now() - began);
    }
    return most;
  })();
  longest.catch(() => {});
  return {
    end() {
      over = true;
      return longest;
    },
  };
}
