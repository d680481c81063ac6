import { expect } from 'bun:test';
import { sweepDeleted, type UploadBody } from '../content/index.ts';
import { RegistryError } from '../errors/index.ts';
import { type Collected, collectStep } from './collect.ts';
import type { Catalog } from './context.ts';
import { deleteManifest } from './delete-manifest.ts';
import { findBlobToKeep } from './find-blob.ts';
import { findManifestToKeep } from './find-manifest.ts';
import * as model from './gc-model.double.ts';
import { contents, places, variants } from './gc-universe.double.ts';
import { Crash, type Life, type World } from './gc-world.double.ts';
import { commitBlob, deleteBlob, mountBlob } from './links.ts';
import { purgeDeleted, purgeManifest } from './purge-deleted.ts';
import { putManifest } from './put-manifest.ts';
import { findRepository } from './repositories.ts';
import { restoreManifest } from './restore-deleted.ts';
import { deleteTag } from './tags.ts';

/** One thing that a client, or the registry's own background work, does. */
export type Command = { crashAt?: number | undefined } & (
  | { do: 'push' | 'begin' | 'headBlob'; place: number; blob: number }
  | { do: 'deleteBlob'; place: number; blob: number }
  | { do: 'finish' | 'cancel'; session: number }
  | { do: 'mount'; place: number; from: string | undefined; blob: number }
  | { do: 'put'; place: number; manifest: number; tags: string[] }
  | { do: 'headManifest'; place: number; manifest: number }
  | { do: 'deleteManifest'; place: number; manifest: number }
  | { do: 'deleteTag'; place: number; tag: string }
  | { do: 'restore'; place: number; manifest: number; tag: string | undefined; force: boolean }
  | { do: 'purge'; place: number; manifest: number }
  | { do: 'expire' }
  | { do: 'collect'; limit: number }
  | { do: 'sweep' | 'sweepUploads' }
  | { do: 'wait'; ms: number }
);

/** The parts that a test replaces by faulty ones, to see that it finds them out. */
export interface Parts {
  collect: (life: Life, limit: number) => Promise<Collected>;
  sweep: (life: Life, limit: number) => Promise<unknown>;
  expire: (life: Life) => Promise<unknown>;
  headBlob: typeof findBlobToKeep;
  /** Changes what pushes work with. */
  pushing: (life: Life) => Life;
}

export const soundParts: Parts = {
  collect: (life, limit) => collectStep(life.catalog, limit),
  sweep: (life, limit) => sweepDeleted(life.catalog.db, life.store, limit),
  async expire({ catalog }) {
    for (let round = { from: 0, more: true }; round.more;) round = await purgeDeleted(catalog, round.from);
  },
  headBlob: findBlobToKeep,
  pushing: (life) => life,
};

export interface Session {
  id: string;
  place: number;
  blob: number;
  activeAt: number;
  /** A crash or a sweep may have ended it. */
  doubtful: boolean;
}

/** Does what a command says, for real. Answers `done`, or what a client would be told. */
export async function perform(
  world: World,
  life: Life,
  parts: Parts,
  command: Command,
  sessions: Session[],
): Promise<string> {
  try {
    const answer = await act(world, life, parts, command, sessions);
    return life.ended() ? 'crash' : answer;
  } catch (error) {
    if (error instanceof Crash) return 'crash';
    if (!(error instanceof RegistryError)) throw error;
    const missing = (error.detail as { missing?: string[] } | undefined)?.missing;
    return missing ? `${error.code} ${missing.toSorted().join()}` : error.code;
  }
}

async function act(world: World, life: Life, parts: Parts, command: Command, sessions: Session[]): Promise<string> {
  const { catalog } = life;
  const at = 'place' in command ? places[command.place]! : places[0]!;
  const registryId = world.registries[at.registry]!;
  const { name } = at;
  const owner = { registryId, repository: name, creator: 'somebody' };
  switch (command.do) {
    case 'push': {
      const { digest, bytes } = contents[command.blob]!;
      const { catalog: pushing, uploads } = parts.pushing(life);
      await uploads.put(owner, body(bytes), digest, (tx, blob) => commitBlob(pushing, tx, registryId, name, blob));
      return 'done';
    }
    case 'begin': {
      const id = await life.uploads.open(owner, 'sha256');
      const session = { id, place: command.place, blob: command.blob, activeAt: world.clock.now, doubtful: true };
      sessions.push(session);
      const { bytes } = contents[command.blob]!;
      await life.uploads.hold(id, owner, (open) => open.append(body(bytes.subarray(0, bytes.length / 2)), undefined));
      session.doubtful = false;
      return 'done';
    }
    case 'finish':
    case 'cancel':
      return endSession(world, life, parts, command.do, sessions, command.session);
    case 'mount': {
      const { digest } = contents[command.blob]!;
      return (await mountBlob(catalog, registryId, name, digest, command.from, () => true))
        ? 'done'
        : 'nothing to mount';
    }
    case 'headBlob':
      return (await parts.headBlob(catalog, registryId, name, contents[command.blob]!.digest)) ? 'done' : 'unknown';
    case 'headManifest': {
      const { digest } = variants[command.manifest]!;
      return (await findManifestToKeep(catalog, registryId, name, { digest })) ? 'done' : 'unknown';
    }
    case 'put': {
      const { digest, bytes, parsed } = variants[command.manifest]!;
      await putManifest(catalog, registryId, name, { digest, bytes, parsed, tags: command.tags });
      return 'done';
    }
    case 'collect':
      await parts.collect(life, command.limit);
      return 'done';
    case 'sweep':
      await parts.sweep(life, 3);
      return 'done';
    case 'sweepUploads':
      for (const session of sessions) session.doubtful ||= session.activeAt <= world.clock.now - model.delay;
      await life.uploads.sweep(world.clock.now - model.delay, 3);
      return 'done';
    case 'wait':
      world.clock.now += command.ms;
      return 'done';
    case 'restore': {
      const { digest } = variants[command.manifest]!;
      await restoreManifest(catalog, registryId, name, digest, command);
      return 'done';
    }
    case 'purge':
      await purgeManifest(catalog, registryId, name, variants[command.manifest]!.digest);
      return 'done';
    case 'expire':
      await parts.expire(life);
      return 'done';
    case 'deleteBlob':
    case 'deleteManifest':
    case 'deleteTag':
      return remove(catalog, registryId, name, command);
  }
}

type Removal = Command & { do: 'deleteBlob' | 'deleteManifest' | 'deleteTag' };

async function remove(catalog: Catalog, registryId: number, name: string, command: Removal): Promise<string> {
  const repository = await findRepository(catalog, registryId, name);
  if (!repository) return command.do === 'deleteBlob' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN';
  if (command.do === 'deleteBlob') await deleteBlob(catalog, repository, contents[command.blob]!.digest);
  else if (command.do === 'deleteTag') await deleteTag(catalog, repository, command.tag);
  else await deleteManifest(catalog, repository, variants[command.manifest]!.digest);
  return 'done';
}

async function endSession(
  world: World,
  life: Life,
  parts: Parts,
  how: 'finish' | 'cancel',
  sessions: Session[],
  chosen: number,
): Promise<string> {
  const session = sessions[chosen % sessions.length];
  if (!session) return 'session ended';
  const { registry, name } = places[session.place]!;
  const registryId = world.registries[registry]!;
  const owner = { registryId, repository: name, creator: 'somebody' };
  const { bytes, digest } = contents[session.blob]!;
  const wasDoubtful = session.doubtful;
  session.doubtful = true;
  try {
    if (how === 'cancel') await life.uploads.cancel(session.id, owner);
    else {
      const { catalog } = parts.pushing(life);
      await life.uploads.hold(session.id, owner, (open) =>
        open.close(body(bytes.subarray(open.offset)), digest, (tx, blob) =>
          commitBlob(catalog, tx, registryId, name, blob),
        ),
      );
    }
  } catch (error) {
    if (error instanceof Crash) throw error;
    expect(error).toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect(wasDoubtful).toBe(true);
    sessions.splice(sessions.indexOf(session), 1);
    return 'session ended';
  }
  sessions.splice(sessions.indexOf(session), 1);
  return 'done';
}

function body(bytes: Uint8Array): UploadBody | undefined {
  if (bytes.length === 0) return undefined;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      // Whoever takes it frees it.
      controller.enqueue(new Uint8Array(bytes));
      controller.close();
    },
  });
  return { stream, length: bytes.length };
}
