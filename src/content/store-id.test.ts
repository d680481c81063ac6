import { expect, test } from 'bun:test';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTestDatabase } from '../../test/support/database.ts';
import { createFileStore } from './file-store.ts';
import { bindStore, requireStore } from './store-id.ts';
import { contentMigrations } from './tables.ts';

test('facts know their bytes again, and refuse an empty folder and those of others', async () => {
  const home = await mkdtemp(join(tmpdir(), 'bonded-store-id-'));
  try {
    await using db = await openTestDatabase(contentMigrations);
    const store = await createFileStore(join(home, 'own'));
    await bindStore(db, store);
    await bindStore(db, store);
    await requireStore(db, await createFileStore(join(home, 'own')));

    const other = await createFileStore(join(home, 'other'));
    await expect(bindStore(db, other)).rejects.toThrow('its id is missing');
    expect(await other.id()).toBeUndefined();
    await other.setId('another');
    await expect(bindStore(db, other)).rejects.toThrow('its id is another');

    await rename(join(home, 'own'), join(home, 'away'));
    await expect(requireStore(db, store)).rejects.toThrow('Is the disk mounted');
    await rename(join(home, 'away'), join(home, 'own'));
    await requireStore(db, store);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

test('facts that are new take over the bytes that are there: fsck --rebuild starts from them', async () => {
  const home = await mkdtemp(join(tmpdir(), 'bonded-store-id-'));
  try {
    await using db = await openTestDatabase(contentMigrations);
    const store = await createFileStore(home);
    await store.setId('known');
    await bindStore(db, store);
    expect(await store.id()).toBe('known');
    await requireStore(db, store);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
