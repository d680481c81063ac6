import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { testDialect } from '../../test/support/database.ts';
import { RegistryError } from '../errors/index.ts';
import { type Digest, digestOf, mediaTypes } from '../oci/index.ts';
import type { Subject } from './attributes.ts';
import { changeAttributes } from './change-attributes.ts';
import { deleteManifest } from './delete-manifest.ts';
import { deleteRepository } from './delete-repository.ts';
import { describeManifests } from './describe-manifests.ts';
import { describeTags } from './describe-tags.ts';
import { findLinkedBlob } from './find-blob.ts';
import { findManifest, findManifestFacts } from './find-manifest.ts';
import { deleteBlob, mountBlob } from './links.ts';
import * as model from './locks-model.double.ts';
import { findRepository } from './repositories.ts';
import { deleteTag, listTags } from './tags.ts';
import { collectAfter, day, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';
import { listVisibleRepositories } from './visible-repositories.ts';

/** Each is a whole history. */
const numRuns = Math.ceil(Number(process.env['BONDED_TEST_RUNS'] ?? (testDialect() === 'sqlite' ? 600 : 100)) / 4);

type Command =
  | { do: 'push'; manifest: number; tags: string[] }
  | { do: 'mount' | 'deleteBlob' | 'pullBlob' | 'deleteManifest'; manifest: number }
  | { do: 'deleteTag'; tag: string }
  | { do: 'deleteRepository' }
  | { do: 'change'; key: string; set: model.Change['set']; ms: number }
  | { do: 'pull'; key: string }
  | { do: 'wait'; ms: number }
  | { do: 'collect' };

const tags = ['v1', 'v2'];
/** The last one is a referrer of the first. */
const manifests = [0, 1, 2];
const tag = fc.constantFrom(...tags);
const anyManifest = fc.constantFrom(...manifests);
const inside = fc.oneof(
  tag.map((name) => `tag:${name}`),
  anyManifest.map((n) => `manifest:${n}`),
);
const hour = 3_600_000;
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('push' as const), manifest: anyManifest, tags: fc.subarray(tags) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      key: fc.oneof(fc.constant('repository'), inside),
      set: fc.record(Object.fromEntries(model.abilityNames.map((name) => [name, fc.boolean()])), { requiredKeys: [] }),
      ms: fc.constantFrom(hour, 10 * day),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('mount' as const, 'deleteBlob' as const, 'pullBlob' as const, 'deleteManifest' as const),
      manifest: anyManifest,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pull' as const), key: inside }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('deleteTag' as const), tag }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteRepository' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(hour, hour - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('collect' as const) }) },
);

/** With these there is something to lock. */
const pushes: Command[] = [
  { do: 'push', manifest: 0, tags: ['v1'] },
  { do: 'push', manifest: 1, tags: ['v2'] },
  { do: 'push', manifest: 2, tags: [] },
];

let runs = 0;

/** One repository of a catalog that all runs share. */
interface World {
  catalog: TestCatalog;
  name: string;
  digests: Digest[];
  texts: Uint8Array[];
}

/** In the order in which they come. */
const nameOf = (run: number) => `r${`${run}`.padStart(9, '0')}`;

const blobOf = (n: number) => `content ${n}`;

function openWorld(catalog: TestCatalog): World {
  const texts: Uint8Array[] = [];
  const digests: Digest[] = [];
  for (const n of manifests) {
    const content = blobOf(n);
    const config = { digest: digestOf(content), size: content.length, mediaType: 'application/x' };
    const subject =
      n === 2 ? { digest: digests[0]!, size: texts[0]!.length, mediaType: mediaTypes.ociManifest } : undefined;
    const json = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config,
      layers: [],
      ...(subject && { subject }),
    };
    texts.push(new TextEncoder().encode(JSON.stringify(json)));
    digests.push(digestOf(texts[n]!));
  }
  return { catalog, name: nameOf(runs++), digests, texts };
}

async function outcomeOf(action: () => Promise<unknown>): Promise<model.Outcome> {
  try {
    return (await action()) === undefined ? 'unknown' : 'done';
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (error.code === 'REGISTRY_DISALLOWED_OPERATION') return 'disallowed';
    if (error.code === 'DENIED') return 'denied';
    expect(error.code).toMatch(/_UNKNOWN$/);
    return 'unknown';
  }
}

function subjectOf({ digests }: World, key: string): Subject {
  const [kind, name = ''] = key.split(':') as [Subject['kind'], string?];
  return { kind, name: kind === 'manifest' ? digests[Number(name)]! : name };
}

const done = { done: true };

async function perform(world: World, command: Command): Promise<model.Outcome> {
  const { catalog, name, digests, texts } = world;
  const { registryId } = catalog;
  const inRepository = (action: (repository: { id: number; registryId: number; name: string }) => Promise<unknown>) =>
    outcomeOf(async () => {
      const repository = await findRepository(catalog, registryId, name);
      return repository && (await action(repository), done);
    });
  switch (command.do) {
    case 'push': {
      const json = JSON.parse(new TextDecoder().decode(texts[command.manifest])) as object;
      return outcomeOf(async () => {
        await catalog.blob(name, blobOf(command.manifest));
        return catalog.push(name, json, { tags: command.tags });
      });
    }
    case 'mount':
      return outcomeOf(() =>
        mountBlob(catalog, registryId, name, digestOf(blobOf(command.manifest)), 'source', () => true),
      );
    case 'deleteBlob':
      return inRepository((repository) => deleteBlob(catalog, repository, digestOf(blobOf(command.manifest))));
    case 'pullBlob':
      return outcomeOf(() => findLinkedBlob(catalog, registryId, name, digestOf(blobOf(command.manifest))));
    case 'deleteManifest':
      return inRepository((repository) => deleteManifest(catalog, repository, digests[command.manifest]!));
    case 'deleteTag':
      return inRepository((repository) => deleteTag(catalog, repository, command.tag));
    case 'deleteRepository':
      return inRepository((repository) => deleteRepository(catalog, repository));
    case 'change': {
      const asked = { ...command.set, ...(mayEnd(command) && { expiresAt: catalog.clock.now + command.ms }) };
      return inRepository((repository) =>
        changeAttributes(catalog, repository, subjectOf(world, command.key), asked, 'somebody'),
      );
    }
    case 'pull': {
      const { kind, name: reference } = subjectOf(world, command.key);
      const by = kind === 'tag' ? { tag: reference } : { digest: reference as Digest };
      const found = await outcomeOf(() => findManifest(catalog, registryId, name, by));
      expect(await outcomeOf(() => findManifestFacts(catalog, registryId, name, by))).toBe(found);
      return found;
    }
    case 'wait':
    case 'collect':
      return 'done';
  }
}

/** Only what locks something has an end; whether it does, the model says. */
const mayEnd = ({ set }: { set: model.Change['set'] }) => Object.values(set).includes(false);

function expected(state: model.Model, command: Command, now: number): model.Outcome {
  switch (command.do) {
    case 'push':
      return model.push(state, command.manifest, command.tags, now);
    case 'mount':
      return model.mount(state, command.manifest, now);
    case 'deleteBlob':
      return model.deleteBlob(state, command.manifest, now);
    case 'pullBlob':
      return model.pullBlob(state, command.manifest, now);
    case 'deleteManifest':
      return model.deleteManifest(state, command.manifest, now);
    case 'deleteTag':
      return model.deleteTag(state, command.tag, now);
    case 'deleteRepository':
      return model.deleteRepository(state, now);
    case 'change': {
      // What ends a lock that is there without locking more leaves its end alone.
      const until = mayEnd(command) ? now + command.ms : (state.locks.get(command.key)?.until ?? 0);
      return model.change(state, command.key, { set: command.set, until }, now);
    }
    case 'pull':
      return model.pull(state, command.key, now);
    case 'wait':
    case 'collect':
      return 'done';
  }
}

const everybody = { maySee: () => true, seesAll: true };
const few = { maySee: () => true, seesAll: false };

async function shown({ catalog, name, digests }: World): Promise<model.Shown> {
  const repository = await findRepository(catalog, catalog.registryId, name);
  // One at a time, so that pages are read on behind what is hidden.
  const walk = async (next: (last: string) => Promise<string[]>) => {
    const all: string[] = [];
    for (let page = await next(''); page.length > 0; page = await next(all.at(-1)!)) all.push(...page);
    return all;
  };
  const position = (last: string) => ({ order: 'name' as const, last, limit: 1 });
  const next = { last: nameOf(Number(name.slice(1)) - 1), limit: 1 };
  const [first] = await listVisibleRepositories(catalog, catalog.registryId, everybody, next);
  expect(await listVisibleRepositories(catalog, catalog.registryId, few, next)).toEqual([first!]);
  const listed = first === name;
  if (!repository) return { listed, tags: [], manifests: [] };
  const tagNames = await walk((last) => listTags(catalog, repository, last, 1));
  const described = await walk(async (last) =>
    (await describeTags(catalog, repository, position(last))).map((one) => one.name),
  );
  expect(described).toEqual(tagNames);
  const found = await walk(async (last) =>
    (await describeManifests(catalog, repository, position(last))).manifests.map(({ digest }) => digest),
  );
  return {
    listed,
    tags: tagNames,
    manifests: found.map((digest) => digests.indexOf(digest as Digest)).toSorted(),
  };
}

/** Whose locks there are, expired ones too: nothing that is gone leaves one behind. */
async function requireSubjects({ catalog, name, digests }: World, state: model.Model): Promise<void> {
  const rows = await catalog.db.all<Subject>(
    `SELECT l.kind AS kind, l.name AS name FROM locks l LEFT JOIN repositories r ON r.id = l.repository_id
      WHERE r.name = ? OR r.name IS NULL`,
    [name],
  );
  for (const { kind, name: of } of rows) {
    if (kind === 'repository') expect(state.exists).toBe(true);
    else if (kind === 'tag') expect([...state.tags.keys()]).toContain(of);
    else expect([...state.manifests]).toContain(digests.indexOf(of as Digest));
  }
}

/** What the collector took was garbage, and nothing that a lock keeps. */
async function afterCollection(world: World, state: model.Model, now: number): Promise<void> {
  const { catalog, name, digests } = world;
  const repository = await findRepository(catalog, catalog.registryId, name);
  const rows = (table: string) =>
    catalog.db.all<{ digest: Digest }>(`SELECT digest FROM ${table} WHERE repository_id = ?`, [repository?.id ?? 0]);
  const left = new Set((await rows('manifests')).map(({ digest }) => digests.indexOf(digest)));
  for (const manifest of state.manifests) {
    if (left.has(manifest)) continue;
    expect(manifest).toBe(2);
    expect(model.keepsManifest(state, manifest, now)).toBe(false);
    expect(state.manifests.has(0) || [...state.tags.values()].includes(2)).toBe(false);
    model.forgetManifest(state, manifest);
  }
  const links = new Set((await rows('blob_links')).map(({ digest }) => digest));
  for (const blob of state.links) {
    if (links.has(digestOf(blobOf(blob)))) continue;
    expect(state.manifests.has(blob) || model.keepsWhole(state, now)).toBe(false);
    state.links.delete(blob);
  }
  if (!repository && state.exists) {
    expect(state.manifests.size + state.links.size).toBe(0);
    expect(model.keepsWhole(state, now)).toBe(false);
    Object.assign(state, model.emptyModel());
  }
}

test(
  'locks let through what the model lets through, whatever is done in whichever order',
  async () => {
    await using catalog = await openTestCatalog();
    await catalog.push(
      'source',
      catalog.image(await Promise.all(manifests.map((n) => catalog.blob('source', blobOf(n))))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(anyCommand, { minLength: 5, maxLength: 40, size: 'max' }), async (commands) => {
        const world = openWorld(catalog);
        const state = model.emptyModel();
        for (const next of [...pushes, ...commands]) {
          if (next.do === 'wait') catalog.clock.now += next.ms;
          if (next.do === 'collect') {
            await collectAfter(catalog, 2 * day);
            await afterCollection(world, state, catalog.clock.now);
          }
          const { now } = catalog.clock;
          const should = expected(state, next, now);
          expect([next, await perform(world, next)]).toEqual([next, should]);
          expect(await shown(world)).toEqual(model.shown(state, now));
          await requireSubjects(world, state);
        }
      }),
      { numRuns },
    );
  },
  60_000 + numRuns * 2_000,
);
