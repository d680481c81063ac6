import { afterAll, beforeAll, expect, test } from 'bun:test';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { type Catalog, catalogMigrations } from '../catalog/index.ts';
import { contentMigrations } from '../content/index.ts';
import { rowsOf } from '../database/index.ts';
import { eventMigrations } from '../events/index.ts';
import type { Mirror, Resource, Resources } from '../resources/index.ts';
import { admissionActions } from './actions-contract.ts';
import { admissionChecks } from './checks.ts';
import { checkedAdmission } from './checked.ts';
import { admissionExceptionType, admissionPolicyType } from './contract.ts';
import { exportExceptions } from './export-exceptions.ts';
import { exceptionHandlers } from './handle-policies.ts';
import { admissionMigrations } from './tables.ts';

/* A registry of 2,501 repositories, and exceptions for all of them. */

let db: TestDatabase;
let catalog: Catalog;
beforeAll(async () => {
  db = await openTestDatabase([...eventMigrations, ...contentMigrations, ...catalogMigrations, ...admissionMigrations]);
  catalog = { db, now: () => 0, gcDelayMs: 1, sparseIndexes: false };
  const names = [...Array.from({ length: 2500 }, (_, n) => `dev/app${n}`), 'prod/app'];
  await db.write(async (tx) => {
    for (const { rows, values } of rowsOf(names.map((name) => [1, name, 0, 1])))
      tx.send(`INSERT INTO repositories (registry_id, name, created_at, listed) VALUES ${rows}`, values);
    await tx.run(
      `INSERT INTO manifests (registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes)
        SELECT 1, id, 'd', 'm', 'image', 1, 0, ? FROM repositories`,
      [new Uint8Array(1)],
    );
  });
});
afterAll(() => db[Symbol.asyncDispose]());

const registry = { id: 1, name: 'default', resourceId: '/registries/default', quarantines: false };
const [alice, bob] = [
  { id: 'alice', name: 'Alice' },
  { id: 'bob', name: 'Bob' },
];

function resource(type: string, name: string, properties: object, own: object = {}): Resource {
  return { id: name, key: name, name, type, etag: name, createdAt: 0, properties, own } as unknown as Resource;
}

const exception = (name: string, properties: object = {}, approvedBy = alice) =>
  resource(
    admissionExceptionType.type,
    name,
    {
      vulnerability: 'CVE-2026-1',
      repositories: ['*'],
      digests: [],
      packages: [],
      fixStates: [],
      status: 'affected',
      statement: 'we update',
      expiresOn: '2100-01-01T00:00:00Z',
      ...properties,
    },
    { requestedBy: alice, approvedBy, approvedAt: 0 },
  );

const policy = (name: string, properties: object) =>
  resource(admissionPolicyType.type, name, admissionPolicyType.properties.parse({ mode: 'enforce', ...properties }));

const mirrorOf = (all: readonly Resource[]) =>
  ({ list: (type: string) => all.filter((one) => one.type === type) }) as unknown as Mirror;

const asked = { host: 'r.example', pattern: undefined as string | undefined, now: 1 };

async function productsOf(all: readonly Resource[], pattern?: string): Promise<string[]> {
  const found = await exportExceptions({ catalog, mirror: mirrorOf(all) }, registry, { ...asked, pattern });
  const statements = found['statements'] as { products: { '@id': string }[] }[];
  return statements.flatMap(({ products }) => products.map((one) => one['@id']));
}

test('exceptions go out for each repository, or for those that are asked for; what is too much is refused with what to do', async () => {
  const many = Array.from({ length: 41 }, (_, n) => exception(`e${n}`));
  expect(await productsOf(many.slice(0, 1))).toHaveLength(2501);
  await expect(productsOf(many)).rejects.toThrow('100,000 repositories and images together; ask for those of some');
  expect(await productsOf(many, 'prod/*')).toHaveLength(41);
});

test('no repository is left out of a document because there are many before it', async () => {
  const registryId = 2;
  const names = [...Array.from({ length: 10_000 }, (_, n) => `dev/app${n}`), 'prod/app'];
  await db.write(async (tx) => {
    for (const { rows, values } of rowsOf(names.map((name) => [registryId, name, 0, 1])))
      tx.send(`INSERT INTO repositories (registry_id, name, created_at, listed) VALUES ${rows}`, values);
    await tx.run(
      `INSERT INTO manifests (registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes)
        SELECT registry_id, id, 'd', 'm', 'image', 1, 0, ? FROM repositories WHERE registry_id = ?`,
      [new Uint8Array(1), registryId],
    );
  });
  const exported = (pattern?: string, of: object = {}) =>
    exportExceptions(
      { catalog, mirror: mirrorOf([exception('e', of)]) },
      { ...registry, id: registryId },
      { ...asked, pattern },
    );
  const app = { statements: [{ products: [{ '@id': 'pkg:oci/app?repository_url=r.example/prod/app' }] }] };
  expect(await exported('prod/*')).toMatchObject(app);
  for (const repositories of [['prod/*'], ['prod/app'], ['prod/app', '!prod/other']])
    expect(await exported(undefined, { repositories })).toMatchObject(app);
  await expect(exported()).rejects.toThrow('a document is of 10,000 repositories at most');
});

test('a document cannot be of all but some repositories: it would have none, and nobody would see why', () => {
  const input = admissionActions.exportExceptions.input!;
  expect(['prod/*', '*', '!prod/*'].map((repository) => input.safeParse({ repository }).success)).toEqual([
    true,
    true,
    false,
  ]);
});

test('an exception that no policy lets count in a repository says nothing of it to anybody else', async () => {
  const app = ['pkg:oci/app?repository_url=r.example/prod/app'];
  const fourEyes = policy('p', { repositories: ['prod/*'], exceptions: { fourEyes: true } });
  expect(await productsOf([exception('e'), fourEyes], 'prod/*')).toEqual([]);
  expect(await productsOf([exception('e', {}, bob), fourEyes], 'prod/*')).toEqual(app);
  // Elsewhere nobody else need approve it.
  expect(await productsOf([exception('e'), fourEyes])).toHaveLength(2500);
  const short = policy('p', { repositories: ['prod/*'], exceptions: { maxDays: 1 } });
  expect(await productsOf([exception('e'), short], 'prod/*')).toEqual(app);
  asked.now = 86_400_001;
  expect(await productsOf([exception('e'), short], 'prod/*')).toEqual([]);
  asked.now = 1;
});

const looking = { now: 1, known: { exploited: false, predicted: true } };

test('the advisor tells of the end that a policy sets, where the exception itself says a later one', async () => {
  const ends = async (...all: Resource[]) =>
    (await checkedAdmission(catalog, mirrorOf([exception('e'), ...all]), [registry], looking))[0]!.exceptions[0]!
      .expiresAt;
  const century = Date.UTC(2100, 0);
  expect(await ends()).toBe(century);
  expect(await ends(policy('p', { repositories: ['prod/*'] }))).toBe(90 * 86_400_000);
  expect(await ends(policy('p', { repositories: ['prod/*'], enabled: false }))).toBe(century);
});

test('an exception that no policy lets count any more says that it has ended', () => {
  const id =
    '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r/admissionExceptions/e';
  const state = (now: number, ...policies: Resource[]) => {
    const options = { mirror: mirrorOf(policies), resources: {} as Resources, whoOf: () => alice };
    return exceptionHandlers(options).present({ ...exception('e'), id }, { now }).state;
  };
  const short = policy('p', { repositories: ['prod/*'], exceptions: { maxDays: 1 } });
  const long = policy('q', { repositories: ['prod/*'] });
  const day = 86_400_000;
  expect([state(day - 1, short), state(day, short), state(day, short, long), state(90 * day, short, long)]).toEqual([
    'Active',
    'Expired',
    'Active',
    'Expired',
  ]);
  expect([state(90 * day), state(Date.UTC(2100, 0))]).toEqual(['Active', 'Expired']);
  expect(state(0, policy('p', { repositories: ['*'], exceptions: { fourEyes: true } }))).toBe('AwaitingApproval');
});

test('the advisor says how to make a policy beside those that there are, never in place of one', () => {
  const [check] = admissionChecks;
  const open = ['prod/*', 'prod', 'live'];
  const looked = {
    registry: 'r',
    resourceId: 'r',
    exceptions: [],
    policies: ['Prod', 'prod-2'],
    blind: [],
    open,
    now: 0,
  };
  const names = check!.look([looked]).map(({ commands }) => commands[0]![commands[0]!.indexOf('--name') + 1]);
  expect(names).toEqual(['prod-3', 'prod-4', 'live']);
});

test('the advisor sees a production repository behind any number of others', async () => {
  const [looked] = await checkedAdmission(catalog, mirrorOf([]), [registry], looking);
  expect(looked!.open).toEqual(['prod/*']);
  const covered = mirrorOf([policy('p', { repositories: ['prod/*'] })]);
  expect((await checkedAdmission(catalog, covered, [registry], looking))[0]!.open).toEqual([]);
});

test('the advisor tells of policies that count on a catalogue which has never come', async () => {
  const policies = [
    policy('exploited', { repositories: ['*'], knownExploited: true, epss: 0.5 }),
    policy('neither', { repositories: ['*'], knownExploited: false }),
    policy('off', { repositories: ['*'], enabled: false }),
  ];
  const blindBy = async (known: typeof looking.known) => {
    const [looked] = await checkedAdmission(catalog, mirrorOf(policies), [registry], { now: 1, known });
    return looked!.blind.map(({ name, catalogues }) => [name, ...catalogues]);
  };
  expect(await blindBy({ exploited: true, predicted: true })).toEqual([]);
  expect(await blindBy({ exploited: false, predicted: true })).toEqual([['exploited', 'KEV']]);
  expect(await blindBy({ exploited: true, predicted: false })).toEqual([['exploited', 'EPSS']]);
  expect(await blindBy({ exploited: false, predicted: false })).toEqual([['exploited', 'KEV', 'EPSS']]);
});
