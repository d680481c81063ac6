import { describe, expect, test } from 'bun:test';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { openTestDatabase } from '../../test/support/database.ts';
import { createPasswords, type PasswordOwner, type Slot } from './passwords.ts';
import { identityMigrations } from './tables.ts';

const owner: PasswordOwner = { registryId: 1, kind: 'token', name: 'Robot' };

async function open() {
  const db = await openTestDatabase(identityMigrations);
  const state = { now: 1_000_000, macs: 0, comparisons: 0, statements: 0 };
  const counted = {
    ...db,
    all: ((text: string, values: readonly string[]) => {
      state.statements++;
      return db.all(text, values);
    }) as typeof db.all,
  };
  const mac = (text: string) => {
    state.macs++;
    return createHmac('sha256', 'key').update(text).digest();
  };
  const compare = (one: Buffer, other: Buffer) => {
    state.comparisons++;
    return timingSafeEqual(one, other);
  };
  const passwords = createPasswords(counted, mac, () => state.now, compare);
  return {
    db,
    state,
    passwords,
    make: (slot: Slot, expiresAt?: number, of = owner) => db.write((tx) => passwords.generate(tx, of, slot, expiresAt)),
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  };
}

describe('a password', () => {
  test('is 32 random bytes, shown once: what is stored tells nothing of it', async () => {
    await using rig = await open();
    const { id, value } = await rig.make('password1');
    expect(value).toMatch(/^bonded_[\w-]{43}$/);
    expect((await rig.make('password2')).value).not.toBe(value);
    const rows = await rig.db.all('SELECT * FROM passwords', []);
    expect(JSON.stringify(rows)).not.toContain(value.slice(7));
    expect(await rig.passwords.verify(owner, value)).toMatchObject({ id, slot: 'password1' });
    expect(await rig.passwords.verify({ ...owner, name: 'rOBOT' }, value)).toMatchObject({ id });
  });

  test('is its owner’s alone', async () => {
    await using rig = await open();
    const { id, value } = await rig.make('password1');
    const others: PasswordOwner[] = [
      { ...owner, name: 'other' },
      { ...owner, kind: 'admin' },
      { ...owner, registryId: 2 },
    ];
    for (const other of others) {
      expect(await rig.passwords.verify(other, value)).toBeUndefined();
      expect(await rig.passwords.stands(other, id)).toBe(false);
    }
  });

  test('is replaced in its slot, while the other one goes on', async () => {
    await using rig = await open();
    const [first, second] = [await rig.make('password1'), await rig.make('password2')];
    const again = await rig.make('password1');
    expect(await rig.passwords.verify(owner, first.value)).toBeUndefined();
    expect(await rig.passwords.stands(owner, first.id)).toBe(false);
    for (const { id, value } of [again, second]) expect(await rig.passwords.verify(owner, value)).toMatchObject({ id });
    await rig.db.write((tx) => rig.passwords.drop(tx, owner));
    expect(await rig.passwords.list(owner)).toEqual([]);
    expect(await rig.passwords.stands(owner, second.id)).toBe(false);
  });

  test('ends when it expires', async () => {
    await using rig = await open();
    const { id, value } = await rig.make('password1', rig.state.now + 1000);
    rig.state.now += 999;
    expect(await rig.passwords.verify(owner, value)).toBeDefined();
    rig.state.now += 1;
    expect(await rig.passwords.verify(owner, value)).toBeUndefined();
    expect(await rig.passwords.stands(owner, id)).toBe(false);
  });

  test('is looked at in the same way whoever it is of, and whether it is right', async () => {
    await using rig = await open();
    const { value } = await rig.make('password1');
    const asked: [PasswordOwner, string][] = [
      [owner, value],
      [owner, 'wrong'],
      [owner, ''],
      [{ ...owner, name: 'nobody' }, value],
      [{ ...owner, kind: 'admin', name: 'default' }, value],
    ];
    for (const [who, password] of asked) {
      Object.assign(rig.state, { macs: 0, comparisons: 0, statements: 0 });
      await rig.passwords.verify(who, password);
      expect(rig.state).toMatchObject({ macs: 1, comparisons: 2, statements: 1 });
    }
  });

  test('says when it was used last, once that is written down, and nothing of one that came before', async () => {
    await using rig = await open();
    const before = await rig.make('password1');
    await rig.passwords.verify(owner, before.value);
    const { value } = await rig.make('password1');
    await rig.passwords.recordUses();
    expect(await rig.passwords.list(owner)).toMatchObject([{ lastUsedAt: undefined }]);
    rig.state.now += 5000;
    for (let times = 0; times < 3; times++) await rig.passwords.verify(owner, value);
    await rig.passwords.verify(owner, `${value}x`);
    await rig.passwords.recordUses();
    expect(await rig.passwords.list(owner)).toMatchObject([{ lastUsedAt: rig.state.now }]);
  });

  test('is written down by many processes at once, none of which waits for another in a circle', async () => {
    await using db = await openTestDatabase(identityMigrations);
    let runs = 0;
    const counted = {
      ...db,
      write: ((action, options) => db.write((tx) => (runs++, action(tx)), options)) as typeof db.write,
    };
    let now = 1_000_000;
    const mac = (text: string) => createHmac('sha256', 'key').update(text).digest();
    const processes = Array.from({ length: 3 }, () => createPasswords(counted, mac, () => now++));
    const owners = Array.from({ length: 200 }, (_, at) => ({ ...owner, name: `robot-${at}` }));
    const made = await db.write((tx) =>
      Promise.all(owners.map(async (of) => ({ of, ...(await processes[0]!.generate(tx, of, 'password1')) }))),
    );
    const orders = [made, made.toReversed(), made.toSorted((one, other) => (one.value < other.value ? -1 : 1))];
    let last = 0;
    for (let round = 0; round < 3; round++) {
      runs = 0;
      for (const [at, order] of orders.entries()) {
        last = now;
        for (const { of, value } of order) await processes[at]!.verify(of, value);
      }
      // The one that used them last is first.
      await Promise.all(processes.toReversed().map((passwords) => passwords.recordUses()));
      // One that had to be undone would have run once more.
      expect(runs).toBe(3);
    }
    const uses = (await processes[0]!.all()).map(({ lastUsedAt }) => lastUsedAt!);
    expect(Math.min(...uses)).toBeGreaterThanOrEqual(last);
  });

  test('was last used when it was, also after a clock that was ahead', async () => {
    await using rig = await open();
    const { value } = await rig.make('password1');
    const right = rig.state.now;
    for (const at of [right + 31_536_000_000, right]) {
      rig.state.now = at;
      await rig.passwords.verify(owner, value);
      await rig.passwords.recordUses();
    }
    expect(await rig.passwords.list(owner)).toMatchObject([{ lastUsedAt: right }]);
  });
});
