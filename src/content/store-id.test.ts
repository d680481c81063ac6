import { expect, test } from 'bun:test';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTestDatabase } from '../../test/support/database.ts';
import { digestOf } from '../oci/index.ts';
import { bodyOf, codeOf, openContentRig, owner } from './content-rig.double.ts';
import { createFileStore } from './files/file-store.ts';
import { recordBlob } from './store.ts';
import { bindStore, requireStore } from './store-id.ts';
import { contentMigrations } from './tables.ts';

test('facts know their bytes again, and refuse an empty folder and those of others', async () => {
  const home = await mkdtemp(join(tmpdir(), 'bonded-store-id-'));
  try {
    await using db = await openTestDatabase(contentMigrations);
    const store = await createFileStore(join(home, 'own'));
    await bindStore(db, store, false);
    await bindStore(db, store, false);
    await requireStore(db, await createFileStore(join(home, 'own')));

    const other = await createFileStore(join(home, 'other'));
    await expect(bindStore(db, other, false)).rejects.toThrow('its id is missing');
    expect(await other.id()).toBeUndefined();
    await other.setId('another');
    await expect(bindStore(db, other, false)).rejects.toThrow('its id is another');

    await rename(join(home, 'own'), join(home, 'away'));
    await expect(requireStore(db, store)).rejects.toThrow('Is the disk mounted');
    await rename(join(home, 'away'), join(home, 'own'));
    await requireStore(db, store);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

test('facts that are new take over bytes only where they are to: an empty database may be the wrong one', async () => {
  const home = await mkdtemp(join(tmpdir(), 'bonded-store-id-'));
  try {
    await using db = await openTestDatabase(contentMigrations);
    const store = await createFileStore(home);
    // A first start that was killed has got this far; nothing is in the store yet.
    await store.setId('known');
    await bindStore(db, store, false);
    expect(await store.id()).toBe('known');

    const upload = '0123456789abcdef0123456789abcdef';
    const staging = (await store.stage(upload, 0))!;
    await staging.write(Buffer.from('content'));
    const key = await staging.publish(digestOf('content'));
    await staging.close();
    await bindStore(db, store, false);
    await using older = await openTestDatabase(contentMigrations);
    const blob = { digest: digestOf('content'), size: 7, key, now: 0 };
    await older.write((tx) => recordBlob(tx, blob));
    await bindStore(older, store, false);
    await using empty = await openTestDatabase(contentMigrations);
    await expect(bindStore(empty, store, false)).rejects.toThrow('holds content, but the database is new');
    await expect(requireStore(empty, store)).rejects.toThrow();
    await bindStore(empty, store, true);
    await requireStore(empty, store);
    expect(await store.id()).toBe('known');
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

test('a store that is away costs no upload what it acknowledged', async () => {
  await using rig = await openContentRig();
  await bindStore(rig.db, rig.store, false);
  const id = await rig.open();
  expect(await rig.append(id, bodyOf('one '))).toBe(4);
  const away = rig.openOver({ ...rig.store, id: async () => undefined, stage: async () => undefined });
  const append = away.hold(id, owner, (session) => session.append(bodyOf('two'), undefined));
  expect(await codeOf(append)).toBe('503 UNAVAILABLE');
  const close = away.hold(id, owner, (session) => session.close(undefined, digestOf('one '), rig.link));
  // Its digest is known; the bytes are looked for when they are published.
  expect(await codeOf(close)).toBe('503 UNAVAILABLE');
  expect((await rig.close(id, bodyOf('two'), digestOf('one two'))).size).toBe(7);
});
