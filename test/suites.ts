import type { Suite } from './runner/suite.ts';

const large = {
  ci: { BONDED_TEST_RUNS: '100000' },
  soak: { BONDED_TEST_RUNS: '10000000' },
};
/** Whole histories of pushes, deletes and crashes: each run takes as long as a thousand inputs of a parser. */
const histories = {
  ci: { BONDED_TEST_RUNS: '2000' },
  soak: { BONDED_TEST_RUNS: '100000' },
};
/** Each waits for PostgreSQL some hundred times. */
const fewerHistories = {
  ci: { BONDED_TEST_RUNS: '400' },
  soak: { BONDED_TEST_RUNS: '20000' },
};

/** What touches neither facts nor bytes, and so is the same on every database. */
const pure = [
  'src/oci/**',
  'src/query/**',
  'src/packages/**',
  'src/inventory/languages/**',
  'src/errors/**',
  'src/config/**',
  'src/telemetry/**',
  'src/access/**',
];

/** Parsers of protocols: pure too, and owed as many inputs. */
const parsers = ['src/distribution/match*.test.ts', 'src/acr/match*.test.ts', 'src/http/target*.test.ts'];

/** What is SQLite's alone. */
const sqliteAlone = [
  'directory-lock',
  'sqlite',
  'sqlite-dialect',
  'syncer',
  'write-queue',
  'write-token',
  'one-writer',
].map((name) => `src/database/${name}.test.ts`);

/** What asks for no facts, or for the same ones of any database, and takes a while. */
const sameOnAll = [
  'advisories/cvss',
  'advisories/match',
  'advisories/match.property',
  'advisories/rate',
  'advisories/real-records',
  'cli/**/*',
  'inventory/**/*',
  'content/files/*',
  'content/parent-claims',
  'database/open-error',
  'database/lists',
  'http/*',
  'identity/federation/**/*',
  'identity/insight/*',
  'importing/hostile',
  'jobs/pace',
  'jobs/periodic',
  'processes/endings',
  'processes/gather-metrics',
  'processes/restarts',
  'processes/watch-worker',
  'scanning/engines/config',
  'scanning/engines/harbor',
  'scanning/engines/merge-findings',
  'scanning/engines/reports',
  'scanning/engines/run-program',
  'tiers/buckets/exchange.property',
  'tiers/source',
  'tiers/tier-change.property',
].map((name) => `src/${name}.test.ts`);

/** What `nodes` shows on PostgreSQL, by the same tests, and guides that are the same whatever the database. */
const shownElsewhere = ['src/app/transfers-processes.test.ts', 'test/guides/**'];

/** What leaves out tests, or takes another way, where tools and data of other projects are missing. */
const wherePartsAreMissing = [
  'advisor/settings',
  'advisories/*',
  'app/advisories',
  'app/scan',
  'cli/login/*',
  'importing/other-registries',
  'inventory/**/*',
  'scanning/engines/*',
]
  .map((name) => `src/${name}.test.ts`)
  .concat('test/guides/*.test.ts');

/** What is S3's alone. */
const s3Alone = ['src/content/s3/*.test.ts', 'test/s3/**'];

/** What is of files alone. */
const filesAlone = ['src/content/files/*', 'src/distribution/missing-bytes'].map((name) => `${name}.test.ts`);

/** Histories whose every step is some requests to S3. */
const inS3 = (runs: number) => ({ BONDED_TEST_S3: 'versitygw', BONDED_TEST_RUNS: `${runs}` });

/** What has a suite of its own. */
const notFacts = [
  ...pure,
  ...parsers,
  ...s3Alone,
  'test/runner/**',
  'test/crash/**',
  'test/binary/**',
  'test/deploy/**',
  'test/limits/**',
  'test/nodes/**',
  'test/network/**',
  'test/shells/**',
];

/**
 * Every suite, in the order in which they begin, two at a time: fast ones first, then the longest, so that none of them
 * is left over in the end; alone and last what measures. A new file of tests belongs to the suites whose globs match it;
 * one that none matches fails `test/runner/run.test.ts`.
 */
export const suites: readonly Suite[] = [
  {
    name: 'check',
    shows: 'types, lint, format, unused code, architecture',
    kind: 'script',
    file: 'test/check.ts',
    minutes: { small: 15, ci: 20, soak: 20 },
  },
  {
    name: 'readme',
    shows: 'the commands of README.md do what it says',
    kind: 'tests',
    files: ['test/readme-tour.test.ts'],
    needs: ['skopeo'],
    minutes: { small: 5, ci: 15, soak: 15 },
  },
  {
    name: 'pure',
    shows: 'vocabulary, parsers, configuration, the tools of the checkout, the tests of tests',
    kind: 'tests',
    files: [
      ...pure.map((folder) => `${folder}/*.test.ts`),
      ...parsers,
      'test/*.test.ts',
      'test/runner/*.test.ts',
      'tools/*.test.ts',
      'bench/*.test.ts',
      'bench/{client,compare,zb}/*.test.ts',
    ],
    // `check` has the one, `readme` the other.
    except: ['test/architecture.test.ts', 'test/readme-tour.test.ts'],
    minutes: { small: 15, ci: 30, soak: 1440 },
    environment: large,
    inFreshClone: true,
  },
  {
    name: 'binary',
    shows: 'the single binary in an empty root, the image made of it, the unit and the Compose files',
    kind: 'tests',
    files: ['test/binary/**/*.test.ts', 'test/deploy/**/*.test.ts'],
    postgres: 'offered',
    minutes: { small: 5, ci: 20, soak: 20 },
  },
  {
    name: 'conformance',
    shows: 'the OCI distribution-spec conformance suite, every workflow, on both databases',
    kind: 'script',
    file: 'test/conformance/run.ts',
    postgres: 'offered',
    built: true,
    minutes: { small: 10, ci: 30, soak: 30 },
  },
  {
    name: 'sqlite',
    shows: 'facts, files and protocols on SQLite',
    kind: 'tests',
    files: ['src/**/*.test.ts', 'test/*/**/*.test.ts'],
    except: notFacts,
    built: true,
    inMemory: true,
    minutes: { small: 20, ci: 45, soak: 1440 },
    environment: histories,
    inFreshClone: wherePartsAreMissing,
  },
  {
    name: 'postgres',
    shows: 'the same on PostgreSQL',
    kind: 'tests',
    files: ['src/**/*.test.ts', 'test/*/**/*.test.ts'],
    except: [...notFacts, ...sameOnAll, ...shownElsewhere, ...sqliteAlone],
    postgres: 'needed',
    built: true,
    inMemory: true,
    minutes: { small: 20, ci: 45, soak: 1440 },
    environment: fewerHistories,
  },
  {
    name: 'clients',
    shows: 'skopeo, buildah, podman, crane, oras, helm and ctr, and recorded sequences of Docker',
    kind: 'script',
    file: 'test/clients/run.ts',
    postgres: 'offered',
    built: true,
    minutes: { small: 15, ci: 30, soak: 30 },
  },
  {
    name: 'networks',
    shows: 'registries that are closed, from networks of their own; the links that HAProxy tells of',
    kind: 'tests',
    files: ['test/network/**/*.test.ts'],
    needs: ['haproxy', 'ip', 'nsenter', 'curl', 'skopeo'],
    postgres: 'offered',
    built: true,
    minutes: { small: 10, ci: 20, soak: 20 },
  },
  {
    name: 'network-clients',
    shows: 'every client through a private endpoint, and refused where there is none',
    kind: 'script',
    file: 'test/clients/run.ts',
    args: ['--networks'],
    needs: ['ip', 'nsenter'],
    built: true,
    minutes: { small: 10, ci: 30, soak: 30 },
  },
  {
    name: 'crash',
    shows: 'nothing acknowledged is lost, on disk and in S3: cut power, kill -9, the order of syncs',
    kind: 'tests',
    files: ['test/crash/**/*.test.ts'],
    built: true,
    minutes: { small: 10, ci: 45, soak: 1440 },
    environment: {
      ci: { BONDED_TEST_CUTS: '1200', BONDED_TEST_KILLS: '500' },
      soak: { BONDED_TEST_CUTS: '100000', BONDED_TEST_KILLS: '10000' },
    },
  },
  {
    name: 'nodes',
    shows: 'nodes over one PostgreSQL and one bucket: kills, stand-stills, rolling restarts and outages lose nothing',
    kind: 'tests',
    files: ['test/nodes/**/*.test.ts'],
    needs: ['versitygw', 'nginx'],
    built: true,
    minutes: { small: 10, ci: 30, soak: 1440 },
    environment: {
      ci: {
        BONDED_TEST_NODE_BLOWS: '4',
        BONDED_TEST_NODE_PUSHES: '15',
        BONDED_TEST_NODE_IMAGES: '6',
        BONDED_TEST_PROCESSES: '1',
      },
      soak: {
        BONDED_TEST_NODE_BLOWS: '2000',
        BONDED_TEST_NODE_PUSHES: '5000',
        BONDED_TEST_NODE_IMAGES: '1000',
        BONDED_TEST_PROCESSES: '2',
      },
    },
  },
  {
    name: 's3',
    shows: 'bytes in S3: the store, uploads and protocols on a real S3 server, and its faults',
    kind: 'tests',
    files: ['src/content/*.test.ts', 'src/distribution/*.test.ts', ...s3Alone],
    except: [...parsers, ...filesAlone],
    needs: ['versitygw'],
    built: true,
    minutes: { small: 10, ci: 30, soak: 1440 },
    environment: { small: inS3(20), ci: inS3(50), soak: inS3(10_000) },
  },
  {
    name: 's3-postgres',
    shows: 'uploads of many nodes: bytes in S3, facts in PostgreSQL',
    kind: 'tests',
    files: ['src/content/*.test.ts'],
    except: sameOnAll,
    postgres: 'needed',
    needs: ['versitygw'],
    built: true,
    inMemory: true,
    minutes: { small: 10, ci: 20, soak: 1440 },
    environment: { small: inS3(20), ci: inS3(20), soak: inS3(2000) },
  },
  {
    name: 'shells',
    shows: 'bash, zsh and fish at a terminal complete commands, flags and what the server has',
    kind: 'tests',
    files: ['test/shells/**/*.test.ts'],
    needs: ['bash', 'zsh', 'fish'],
    built: true,
    inMemory: true,
    minutes: { small: 5, ci: 15, soak: 15 },
  },
  {
    name: 'fresh-clone',
    shows: 'npm start and npm test on a clone with nothing done before',
    kind: 'script',
    file: 'test/fresh-clone.sh',
    needs: ['bash', 'git', 'npm', 'skopeo'],
    minutes: { small: 40, ci: 40, soak: 40 },
    onlyInCi: true,
  },
  {
    name: 'scale',
    shows: 'that a large registry can be made and measured on both databases; how a full one does is in bench/scale',
    kind: 'script',
    file: 'bench/scale/run.ts',
    args: ['--smoke'],
    minutes: { small: 5, ci: 15, soak: 15 },
  },
  {
    name: 'bench',
    shows: 'that the benchmarks run; their figures say nothing on a busy machine',
    kind: 'script',
    file: 'bench/run.ts',
    args: ['--smoke'],
    minutes: { small: 5, ci: 15, soak: 15 },
  },
  {
    name: 'bench-long',
    shows: 'the same of those for which much has to be there first',
    kind: 'script',
    file: 'bench/run.ts',
    args: ['--smoke', '--long'],
    minutes: { small: 10, ci: 20, soak: 20 },
  },
  {
    name: 'limits',
    shows: 'bounds: memory beside hundreds of slow clients, full disks, more work than is taken on',
    kind: 'tests',
    files: ['test/limits/**/*.test.ts'],
    postgres: 'offered',
    built: true,
    alone: true,
    minutes: { small: 10, ci: 20, soak: 20 },
    environment: { ci: { BONDED_TEST_SLOW_SECONDS: '30' }, soak: { BONDED_TEST_SLOW_SECONDS: '300' } },
  },
];
