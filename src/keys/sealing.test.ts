import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { type KeysOptions, openKeys } from './keys.ts';
import { secretFile } from './secret-file.ts';
import { keyMigrations } from './tables.ts';

const day = 86_400_000;
const newSecret = () => randomBytes(32).toString('base64');

async function inWorld(
  action: (
    db: TestDatabase,
    data: string,
    open: (sealing: Partial<KeysOptions>) => ReturnType<typeof openKeys>,
  ) => Promise<void>,
): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'bonded-keys-'));
  try {
    await using db = await openTestDatabase(keyMigrations);
    const times = { rotation: 30 * day, lead: 60_000, overlap: day, now: Date.now };
    await action(db, data, (sealing) => openKeys(db, { ...times, ...sealing }));
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

const rowsOf = (db: TestDatabase) =>
  db.all<{ kid: string; private_key: string; sealed_by: string | null }>('SELECT * FROM signing_keys ORDER BY kid', []);

/** PKCS #8 in base64url begins so; of sealed keys nothing is known. */
const isOpen = ({ private_key }: { private_key: string }) => private_key.startsWith('MIG') || private_key.length === 43;

test('under a secret of the configuration every private key is sealed, later ones too', () =>
  inWorld(async (db, _, open) => {
    const secret = newSecret();
    const keys = await open({ secret });
    await keys.replace({ drop: false });
    const rows = await rowsOf(db);
    expect([keys.sealed, rows.length]).toEqual([true, 3]);
    expect(rows.some(isOpen)).toBe(false);
    expect(new Set(rows.map(({ sealed_by }) => sealed_by)).size).toBe(1);
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect((await open({ secret })).verify(keys.sign({})).ok).toBe(true);
  }));

test('a wrong secret, and none, refuse to start, say why, make nothing and change nothing', () =>
  inWorld(async (db, data, open) => {
    const secret = newSecret();
    await open({ secret });
    const rows = await rowsOf(db);
    const wrong = newSecret();
    const error = await open({ secret: wrong }).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(Error);
    const { message } = error as Error;
    expect(message).toContain('sealed under another secret');
    expect(message).toContain('Set keys.secret');
    expect(message).not.toContain(wrong);
    await expect(open({})).rejects.toThrow('and none was given');
    await expect(open({ dataDirectory: data })).rejects.toThrow('restore the file keys/secret of the data directory');
    expect(await stat(join(data, 'keys')).catch(() => 'none')).toBe('none');
    expect(await rowsOf(db)).toEqual(rows);
    // Also where some keys are missing.
    await db.change(`DELETE FROM signing_keys WHERE purpose = 'token' RETURNING kid`, []);
    await expect(open({ secret: wrong })).rejects.toThrow('sealed under another secret');
    expect(await rowsOf(db)).toHaveLength(1);
  }));

test('a secret in the data directory is made once, by one of many, and not again when it is lost', () =>
  inWorld(async (db, data, open) => {
    const all = await Promise.all(Array.from({ length: 5 }, () => open({ dataDirectory: data })));
    expect(all.every((keys) => keys.sealed && keys.verify(all[0]!.sign({})).ok)).toBe(true);
    expect((await rowsOf(db)).some(isOpen)).toBe(false);
    const path = secretFile(data);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const text = await Bun.file(path).text();
    await rename(path, `${path}.away`);
    await expect(open({ dataDirectory: data })).rejects.toThrow('If it is lost for good, so are the keys');
    expect(await Bun.file(path).exists()).toBe(false);
    await rename(`${path}.away`, path);
    expect((await open({ dataDirectory: data })).verify(all[0]!.sign({})).ok).toBe(true);
    expect(await Bun.file(path).text()).toBe(text);
    await writeFile(path, text.slice(0, 20));
    await expect(open({ dataDirectory: data })).rejects.toThrow('is damaged; restore it');
  }));

test('keys from before there was a secret are sealed when there is one, and stay the same', () =>
  inWorld(async (db, data, open) => {
    const before = await open({});
    expect((await rowsOf(db)).every(isOpen)).toBe(true);
    const after = await open({ dataDirectory: data });
    expect((await rowsOf(db)).some(isOpen)).toBe(false);
    expect(after.verify(before.sign({})).ok).toBe(true);
    expect(after.hmac('x')).toEqual(before.hmac('x'));
    // Who has no secret keeps what it has, and is told.
    await expect(before.refresh()).rejects.toThrow('and none was given');
    expect(after.verify(before.sign({})).ok).toBe(true);
  }));

test('a secret of the configuration takes over from the one in the data directory', () =>
  inWorld(async (db, data, open) => {
    const before = await open({ dataDirectory: data });
    const secret = newSecret();
    const after = await open({ secret, dataDirectory: data });
    expect(after.verify(before.sign({})).ok).toBe(true);
    // From now on it is enough.
    expect((await open({ secret })).hmac('x')).toEqual(before.hmac('x'));
    await expect(open({ dataDirectory: data })).rejects.toThrow('sealed under another secret');
    expect(new Set((await rowsOf(db)).map(({ sealed_by }) => sealed_by)).size).toBe(1);
  }));

test('a sealed key in the row of another, and a damaged one, are refused by name', () =>
  inWorld(async (db, _, open) => {
    const secret = newSecret();
    const keys = await open({ secret });
    await keys.replace({ drop: false });
    const rows = (await rowsOf(db)).filter((row) => row.private_key.length > 100);
    expect(rows).toHaveLength(2);
    const put = (kid: string, key: string, seal: string | null) =>
      db.change('UPDATE signing_keys SET private_key = ?, sealed_by = ? WHERE kid = ? RETURNING kid', [key, seal, kid]);
    const [one, other] = rows as [(typeof rows)[0], (typeof rows)[0]];
    await put(one.kid, other.private_key, other.sealed_by);
    await expect(open({ secret })).rejects.toThrow(`the key ${one.kid} (token) in the table signing_keys is damaged`);
    // Nor does a key that is not sealed become another one.
    const stranger = (await import('./ec-key.ts')).makeEcKey();
    const der = stranger.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64url');
    await put(one.kid, der, null);
    await expect(keys.refresh()).rejects.toThrow('is damaged');
    expect(keys.verify(keys.sign({})).ok).toBe(true);
    await put(one.kid, one.private_key, one.sealed_by);
    await keys.refresh();
  }));
