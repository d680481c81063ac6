import { collectStep, commitBlob, findLinkedBlob, findManifest } from '../../src/catalog/index.ts';
import { checkContent, type Finding, findUpload, sweepDeleted } from '../../src/content/index.ts';
import { RegistryError } from '../../src/errors/index.ts';
import { type Digest, digestAlgorithm, digestOf } from '../../src/oci/index.ts';
import { bodyOf } from './power-cut-clients.ts';
import { digestOfKey, type Ledger, type SessionState } from './power-cut-ledger.ts';
import { gcDelayMs, type World } from './power-cut-world.ts';

/** What a power cut may leave behind beside lost promises: bytes without a fact. */
const leftovers = new Set(['object-unknown', 'staging-unknown', 'blob-deleting']);

/** Looks at a world that was started after a power cut; returns everything that was promised and is not so. */
export async function findBroken(world: World, ledger: Ledger): Promise<string[]> {
  const broken = [...(await brokenFacts(world)), ...(await brokenPromises(world, ledger))];
  if (broken.length > 0) return broken;
  for (const [id, state] of ledger.sessions) broken.push(...(await goOn(world, id, state)));
  broken.push(...(await leaks(world)));
  return broken;
}

/** No fact without its bytes, whoever was told of it. */
async function brokenFacts({ db, store }: World): Promise<string[]> {
  const broken: string[] = [];
  const blobs = await db.all<{ key: string; digest: Digest; size: number }>(
    'SELECT "key", digest, size FROM blobs WHERE deleting = 0',
    [],
  );
  for (const { key, digest, size } of blobs) {
    const actual = (await store.size(key)) === undefined ? 'missing' : await digestOfObject(store, key, size, digest);
    if (actual !== digest) broken.push(`a fact of ${key}: its bytes are ${actual}`);
  }
  const links = await db.all<{ digest: string }>(
    `SELECT digest FROM blob_links l WHERE NOT EXISTS
      (SELECT 1 FROM blobs b WHERE b.digest = l.digest AND b."key" = l."key" AND b.deleting = 0)`,
    [],
  );
  return [...broken, ...links.map(({ digest }) => `a link of ${digest}: no blob`)];
}

async function digestOfObject(store: World['store'], key: string, size: number, digest: Digest): Promise<Digest> {
  const bytes = size === 0 ? new Uint8Array() : await new Response(await store.read(key, 0, size - 1)).bytes();
  return digestOf(bytes, digestAlgorithm(digest));
}

async function brokenPromises({ catalog, registryId }: World, ledger: Ledger): Promise<string[]> {
  const broken: string[] = [];
  for (const [key, { repository, presence }] of ledger.blobs) {
    if (presence === 'maybe') continue;
    const found = (await findLinkedBlob(catalog, registryId, repository, digestOfKey(key))) !== undefined;
    if (found !== (presence === 'there')) broken.push(`blob ${key} is ${found ? 'back' : 'lost'}`);
  }
  for (const [key, { repository, presence, contents }] of ledger.manifests) {
    const found = (await findManifest(catalog, registryId, repository, { digest: digestOfKey(key) })) !== undefined;
    if (presence !== 'maybe' && found !== (presence === 'there'))
      broken.push(`manifest ${key} is ${found ? 'back' : 'lost'}`);
    for (const content of found ? contents : []) {
      if (await findLinkedBlob(catalog, registryId, repository, digestOf(content))) continue;
      broken.push(`manifest ${key} has lost a blob`);
    }
  }
  for (const [repository, possible] of ledger.tags) {
    const found = (await findManifest(catalog, registryId, repository, { tag: 'latest' }))?.digest;
    if (!possible.includes(found)) broken.push(`${repository}:latest is ${found}; it may be ${possible.join(' or ')}`);
  }
  return broken;
}

/** An open session has the bytes that were acknowledged, and goes on to a blob. */
async function goOn(world: World, id: string, { repository, possible, closing }: SessionState): Promise<string[]> {
  const { db, uploads, catalog, registryId } = world;
  const row = await findUpload(db, id);
  if (!row) {
    const content = closing ?? undefined;
    if (content && (await findLinkedBlob(catalog, registryId, repository, digestOf(content)))) return [];
    // A session that promised nothing yet, or that was being cancelled.
    const nothing = closing === null || possible.some(({ least }) => least === 0);
    return nothing ? [] : [`session ${id} is lost`];
  }
  const fitting = possible.filter(({ least, most }) => row.offset >= least && row.offset <= most);
  if (fitting.length === 0) return [`session ${id} is at ${row.offset}: not one of ${JSON.stringify(possible)}`];
  const owner = { registryId, repository, creator: 'test' };
  for (const { content } of fitting) {
    try {
      await uploads.hold(id, owner, (session) =>
        session.close(bodyOf(content.subarray(session.offset)), digestOf(content), (tx, blob) =>
          commitBlob(catalog, tx, registryId, repository, blob),
        ),
      );
      return [];
    } catch (error) {
      // It may be another one's bytes.
      if (!(error instanceof RegistryError) || error.code !== 'DIGEST_INVALID') {
        return [`session ${id} cannot go on: ${(error as Error).message}`];
      }
    }
  }
  return [`session ${id} has other bytes than were acknowledged`];
}

/** After sweep, collection and a check nothing is left that nobody holds; and nothing was damaged. */
async function leaks(world: World): Promise<string[]> {
  const { db, store, uploads, catalog } = world;
  const findings = (repair: boolean): Promise<Finding[]> =>
    Array.fromAsync(checkContent(db, store, { repair, verify: true, graceMs: -60_000 }));
  const damage = (await findings(false)).filter(({ code }) => !leftovers.has(code));
  for (let more = true; more;) ({ more } = await uploads.sweep(Date.now() + 60_000));
  await findings(true);
  world.pass(2 * gcDelayMs);
  for (let more = true; more;) more = (await collectStep(catalog)).examined > 0;
  while ((await sweepDeleted(db, store)).blobs > 0);
  const rows = await db.all<{ key: string }>('SELECT "key" FROM blobs', []);
  const objects = await Array.fromAsync(store.objects());
  const staged = await Array.fromAsync(store.uploads());
  const same = (a: string[], b: string[]) => a.toSorted().join() === b.toSorted().join();
  return [
    ...damage.map(({ code, detail }) => `${code} ${JSON.stringify(detail)}`),
    ...(staged.length > 0 ? ['a staging area is left'] : []),
    ...(same(
      rows.map(({ key }) => key),
      objects.map(({ key }) => key),
    )
      ? []
      : ['objects and their facts differ']),
    ...(await findings(false)).map(({ code }) => `left after all repairs: ${code}`),
  ];
}
