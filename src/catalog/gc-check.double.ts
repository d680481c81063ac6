import { expect } from 'bun:test';
import { sweepDeleted } from '../content/index.ts';
import { collectStep } from './collect.ts';
import { foldStorage } from './fold-storage.ts';
import { findLinkedBlob } from './find-blob.ts';
import { findManifestFacts } from './find-manifest.ts';
import { type Garbage, listGarbage } from './garbage.ts';
import { type Command, type Parts, perform, type Session } from './gc-history.double.ts';
import { checkExpire, restoredSoFar } from './gc-kept.double.ts';
import * as model from './gc-model.double.ts';
import { observe } from './gc-observe.double.ts';
import { contents, places, tagNames, variants } from './gc-universe.double.ts';
import type { Life, World } from './gc-world.double.ts';
import { expectCounted } from './recount.double.ts';

/** Runs a history against the model; throws at the first thing that a client could notice, or that leaks. */
export async function checkHistory(world: World, parts: Parts, commands: readonly Command[]): Promise<void> {
  let expected = model.emptyModel(world.keeps);
  let life = world.begin();
  const sessions: Session[] = [];
  for (const [at, command] of commands.entries()) {
    life.endAt(command.crashAt);
    expected = await checkCommand(world, life, parts, command, sessions, expected);
    if (command.crashAt !== undefined) life = world.begin();
    if (at % 3 === 0) await foldStorage(world.begin().catalog);
    await expectCounted(world.db);
    if (command.crashAt !== undefined || command.do === 'collect' || command.do === 'sweep')
      await checkBytes(world, life);
  }
  expected = await quiesce(world, life, parts, expected);
  // A sweep walks all directories, so it is left out where there is nothing to find.
  const hasUploads =
    (await world.filesBelow('uploads')).length > 0 || (await world.db.first('SELECT 1 FROM uploads', []));
  while (hasUploads && (await life.uploads.sweep(world.clock.now - model.delay)).more);
  await expectNoLeak(world, expected);
  expect(await lookUp(world, life)).toEqual(model.inventory(expected, { kept: false }));
  await checkBytes(world, life);
  // Once everything is deleted, nothing is left: the next history begins in an empty world.
  for (const [place, shelf] of expected.entries()) {
    for (const manifest of [...shelf.manifests.keys()].toSorted((a, b) => b - a)) {
      const command = { do: 'deleteManifest', place, manifest } as const;
      expected = await checkCommand(world, life, parts, command, sessions, expected);
    }
  }
  expected = await quiesce(world, life, parts, expected);
  // What was kept goes in its time, and then what it held; referrers that went only by then are kept, too.
  for (let rounds = 0; model.inventory(expected).length > 0 && rounds < 4; rounds++) {
    world.clock.now += model.retention;
    expected = await checkExpire(world, life, parts, { do: 'expire' }, expected);
    expected = await quiesce(world, life, parts, expected);
  }
  expect(model.inventory(expected)).toEqual([]);
  await expectNoLeak(world, expected);
  // Those of a repository go with it.
  expect(await world.db.all('SELECT * FROM storage_usage WHERE repository_id <> 0', [])).toEqual([]);
}

async function checkCommand(
  world: World,
  life: Life,
  parts: Parts,
  command: Command,
  sessions: Session[],
  before: model.Model,
): Promise<model.Model> {
  if (command.do === 'collect') return checkCollect(world, life, parts, command, before);
  if (command.do === 'expire') return checkExpire(world, life, parts, command, before);
  const session = command.do === 'finish' ? sessions[command.session % sessions.length] : undefined;
  const after = structuredClone(before);
  const { now } = world.clock;
  const answer = predict(after, command, session, now);
  const outcome = await perform(world, life, parts, command, sessions);
  if (outcome === 'session ended') return before;
  const seen = await observe(world);
  if (outcome !== 'crash') {
    expect(outcome).toBe(answer);
    expect(seen).toEqual(model.inventory(after));
    return after;
  }
  // What an index lists comes back before it does.
  if (command.do === 'restore') return restoredSoFar(before, command, seen, now);
  // All of it happened, or nothing.
  const [isBefore, isAfter] = [before, after].map((state) => Bun.deepEquals(seen, model.inventory(state)));
  if (!isBefore) expect(seen).toEqual(model.inventory(after));
  if (!isAfter) return before;
  if (!isBefore) return after;
  if (command.do !== 'put') return model.weaker(before, after);
  // Nothing shows whether it happened; the client asks again.
  return checkCommand(world, world.begin(), parts, command, sessions, before);
}

function predict(state: model.Model, command: Command, session: Session | undefined, now: number): string {
  switch (command.do) {
    case 'push':
      return model.pushBlob(state, command.place, command.blob, now);
    case 'finish':
      return session ? model.pushBlob(state, session.place, session.blob, now) : 'done';
    case 'mount':
      return model.mount(state, command.place, command.from, command.blob, now);
    case 'headBlob':
      return model.headBlob(state, command.place, command.blob, now);
    case 'headManifest':
      return model.headManifest(state, command.place, command.manifest, now);
    case 'put':
      return model.putManifest(state, command.place, command.manifest, command.tags, now);
    case 'deleteTag':
      return model.deleteTag(state, command.place, command.tag, now);
    case 'deleteManifest':
      return model.deleteManifest(state, command.place, command.manifest, now);
    case 'deleteBlob':
      return model.deleteBlob(state, command.place, command.blob);
    case 'restore':
      return model.restore(state, command.place, command.manifest, command, now);
    case 'purge':
      return model.purge(state, command.place, command.manifest, now);
    case 'expire':
    case 'begin':
    case 'cancel':
    case 'collect':
    case 'sweep':
    case 'sweepUploads':
    case 'wait':
      return 'done';
  }
}

/** Only garbage goes; a run that is not limited takes all of it, and exactly what the dry run had listed. */
async function checkCollect(
  world: World,
  life: Life,
  parts: Parts,
  command: Command & { do: 'collect' },
  before: model.Model,
): Promise<model.Model> {
  const { now } = world.clock;
  const listed: Garbage[] = [];
  for await (const garbage of listGarbage(life.catalog, 2)) listed.push(garbage);
  const outcome = await perform(world, life, parts, command, []);
  const seen = new Set(await observe(world));
  const after = structuredClone(before);
  const gone: string[] = [];
  for (const [place, shelf] of before.entries()) {
    const allowed = model.garbage(shelf, 'min', now);
    const due = model.garbage(shelf, 'max', now);
    for (const manifest of shelf.manifests.keys()) {
      if (seen.delete(`${place} manifest ${manifest}`)) continue;
      expect(allowed.manifests).toContain(manifest);
      gone.push(`manifest ${place} ${variants[manifest]!.digest}`);
      model.removeManifest(after[place]!, manifest, now);
    }
    for (const blob of shelf.links.keys()) {
      if (seen.delete(`${place} blob ${blob}`)) continue;
      expect(allowed.links).toContain(blob);
      gone.push(`link ${place} ${contents[blob]!.digest}`);
      after[place]!.links.delete(blob);
    }
    for (const at of after[place]!.kept?.keys() ?? []) expect(seen.delete(`${place} kept ${at}`)).toBe(true);
    for (const [tag, at] of shelf.tags) expect(seen.delete(`${place} tag ${tag} ${at}`)).toBe(true);
    if (command.limit < 100 || outcome === 'crash') continue;
    for (const blob of due.links) expect(after[place]!.links.has(blob)).toBe(false);
    for (const manifest of due.manifests) expect(after[place]!.manifests.has(manifest)).toBe(false);
  }
  expect([...seen]).toEqual([]);
  if (command.limit >= 100 && outcome !== 'crash') {
    const names = listed
      .filter(({ kind }) => kind === 'link' || kind === 'manifest')
      .map(({ kind, registryId, repository, digest }) => {
        const place = places.findIndex(
          ({ registry, name }) => world.registries[registry] === registryId && name === repository,
        );
        return `${kind} ${place} ${digest}`;
      });
    expect(gone.toSorted()).toEqual(names.toSorted());
  }
  return after;
}

/** Lets time pass and background work go on until there is nothing left to do. */
async function quiesce(world: World, life: Life, parts: Parts, from: model.Model): Promise<model.Model> {
  let expected = from;
  for (let idle = 0; idle < 2;) {
    world.clock.now += 2 * model.delay;
    expected = await checkCollect(world, life, parts, { do: 'collect', limit: 1_000 }, expected);
    const { examined } = await collectStep(life.catalog, 1_000);
    const swept = await sweepDeleted(life.catalog.db, life.store);
    const waiting = await world.db.first('SELECT 1 FROM gc_candidates', []);
    idle = examined === 0 && swept.blobs === 0 && !waiting ? idle + 1 : 0;
  }
  return expected;
}

/** What clients see, by the look-ups that answer them. */
async function lookUp({ registries }: World, { catalog }: Life): Promise<string[]> {
  const seen: string[] = [];
  for (const [place, { registry, name }] of places.entries()) {
    const id = registries[registry]!;
    for (const [blob, { digest }] of contents.entries()) {
      if (await findLinkedBlob(catalog, id, name, digest)) seen.push(`${place} blob ${blob}`);
    }
    for (const [at, { digest }] of variants.entries()) {
      if (await findManifestFacts(catalog, id, name, { digest })) seen.push(`${place} manifest ${at}`);
    }
    for (const tag of tagNames) {
      const facts = await findManifestFacts(catalog, id, name, { tag });
      if (facts) seen.push(`${place} tag ${tag} ${variants.findIndex(({ digest }) => digest === facts.digest)}`);
    }
  }
  return seen.toSorted();
}

/** Whatever can be found can be read, with the right bytes. */
async function checkBytes({ registries, files }: World, { catalog }: Life): Promise<void> {
  for (const { registry, name } of places) {
    for (const { digest, bytes } of contents) {
      const found = await findLinkedBlob(catalog, registries[registry]!, name, digest);
      if (!found) continue;
      expect(found.size).toBe(bytes.length);
      expect(await files.size(found.key)).toBe(bytes.length);
      if (bytes.length > 0)
        expect(await new Response(await files.read(found.key, 0, bytes.length - 1)).bytes()).toEqual(bytes);
    }
  }
}

/** Facts and files hold what the model says and nothing else. */
async function expectNoLeak({ db, filesBelow }: World, expected: model.Model): Promise<void> {
  const rows = (statement: string) => db.all<{ n: number }>(`SELECT count(*) AS n FROM ${statement}`, []);
  const count = async (statement: string) => (await rows(statement))[0]!.n;
  const linked = new Set(
    expected.flatMap(({ links }) => [...links.keys()].map((blob) => contents[blob]!.digest as string)),
  );
  const sum = (of: (shelf: model.Shelf) => number) => expected.reduce((total, shelf) => total + of(shelf), 0);
  const live = await db.all<{ key: string; digest: string }>('SELECT "key", digest FROM blobs', []);
  expect(live.map(({ digest }) => digest).toSorted()).toEqual([...linked].toSorted());
  expect(await filesBelow('blobs')).toEqual(live.map(({ key }) => key).toSorted());
  expect(await filesBelow('uploads')).toEqual([]);
  expect({
    uploads: await count('uploads'),
    candidates: await count('gc_candidates'),
    links: await count('blob_links'),
    manifests: await count('manifests'),
    references: await count('(SELECT DISTINCT repository_id, manifest_digest FROM manifest_references) AS f'),
    tags: await count('tags'),
    kept: await count('deleted_manifests'),
    keptReferences: await count('(SELECT DISTINCT repository_id, manifest_digest FROM deleted_references) AS f'),
    repositories: await count('repositories'),
  }).toEqual({
    uploads: 0,
    candidates: 0,
    links: sum(({ links }) => links.size),
    manifests: sum(({ manifests }) => manifests.size),
    references: sum(({ manifests }) => manifests.size),
    tags: sum(({ tags }) => tags.size),
    kept: sum(({ kept }) => kept?.size ?? 0),
    keptReferences: sum(({ kept }) => kept?.size ?? 0),
    repositories: sum(({ links, manifests, kept }) => (links.size + manifests.size + (kept?.size ?? 0) > 0 ? 1 : 0)),
  });
}
