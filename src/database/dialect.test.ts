import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { sample, sampleMigrations } from '../../test/support/samples.ts';
import type { Transaction } from './database.ts';
import { numberParameters, parseInteger } from './dialect.ts';

let db: TestDatabase;

beforeAll(async () => {
  db = await openTestDatabase(sampleMigrations);
});
afterAll(() => db[Symbol.asyncDispose]());
beforeEach(() => db.write((tx) => tx.deleteFrom('samples').execute()));

const insert = (name: string, size = 0) =>
  db.write((tx) => tx.insertInto('samples').values(sample(name, size)).execute());

describe('values come back as they were written', () => {
  test('times in ms, sizes up to 2^53 - 1, 0 and 1, JSON as text, bytes, null', async () => {
    const at = Date.now();
    const content = new Uint8Array([0, 1, 255, 128]);
    const rows = [
      { name: 'all', size: at, flag: 1, data: JSON.stringify({ é: ['\u{1f4e6}', 'a"b'] }), content },
      { name: 'most', size: Number.MAX_SAFE_INTEGER, flag: 0, data: null, content: null },
      { name: 'least', size: -Number.MAX_SAFE_INTEGER, flag: 0, data: '', content: new Uint8Array() },
    ];
    for (const row of rows) await db.write((tx) => tx.insertInto('samples').values(row).execute());
    const columns = ['name', 'size', 'flag', 'data', 'content'] as const;
    const built = await db.read.selectFrom('samples').select(columns).orderBy('id').execute();
    const prepared = await db.all<(typeof built)[0]>(`SELECT ${columns.join()} FROM samples ORDER BY id`, []);
    const plain = (found: typeof built) => found.map((row) => ({ ...row, content: row.content && [...row.content] }));
    expect(plain(built)).toEqual(plain(rows));
    expect(plain(prepared)).toEqual(plain(rows));
    const byContent = await db.first('SELECT name FROM samples WHERE content = ?', [content]);
    expect(byContent).toEqual({ name: 'all' });
  });

  test('counts and sums are numbers', async () => {
    await insert('a', 2);
    await insert('b', 3);
    expect(await db.first('SELECT count(*) AS count, sum(size) AS sum FROM samples', [])).toEqual({ count: 2, sum: 5 });
    const { countAll, sum } = db.read.fn;
    const built = await db.read
      .selectFrom('samples')
      .select([countAll().as('count'), sum('size').as('sum')])
      .execute();
    expect(built as unknown[]).toEqual([{ count: 2, sum: 5 }]);
  });

  test('an integer that a number cannot hold exactly is an error, not another integer', async () => {
    const text = '9007199254740993';
    await db.write((tx) => sql`INSERT INTO samples (name, size) VALUES ('big', ${sql.raw(text)})`.execute(tx));
    await expect(db.first('SELECT size FROM samples', [])).rejects.toThrow(RangeError);
    await expect(db.all('SELECT size FROM samples', [])).rejects.toThrow(RangeError);
    await expect(db.read.selectFrom('samples').select('size').execute()).rejects.toThrow(RangeError);
    await expect(db.write((tx) => tx.selectFrom('samples').select('size').execute())).rejects.toThrow(RangeError);
    expect(await db.first('SELECT count(*) AS n FROM samples', [])).toEqual({ n: 1 });
  });
});

test('names are ordered and compared by their bytes, whatever the locale', async () => {
  const names = ['b', 'a', 'B', 'a-b', 'a_b', 'a.b', 'a/b', 'ab', 'a0', 'é', 'z', '\u{1f4e6}', '\uffee', 'a--b', 'A'];
  for (const name of names) await insert(name);
  const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const column = (rows: { name: string }[]) => rows.map(({ name }) => name);
  expect(column(await db.all<{ name: string }>('SELECT name FROM samples ORDER BY name', []))).toEqual(sorted);
  expect(column(await db.read.selectFrom('samples').select('name').orderBy('name').execute())).toEqual(sorted);
  for (const [index, name] of sorted.entries()) {
    const after = await db.all<{ name: string }>('SELECT name FROM samples WHERE name > ? ORDER BY name', [name]);
    expect(column(after)).toEqual(sorted.slice(index + 1));
  }
});

test('comparisons are 0 or 1, and LIKE distinguishes case', async () => {
  await insert('Alpine');
  const look = (pattern: string) =>
    db.first('SELECT name LIKE ? AS alike, EXISTS (SELECT 1 FROM samples WHERE size > 0) AS large FROM samples', [
      pattern,
    ]);
  expect(await look('Alp%')).toEqual({ alike: 1, large: 0 });
  expect(await look('alp%')).toEqual({ alike: 0, large: 0 });
});

test('an upsert returns the row that it made or met; DO NOTHING returns none that it met', async () => {
  const upsert = (size: number) =>
    db.write((tx) =>
      tx
        .insertInto('samples')
        .values(sample('same', size))
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ size: (eb) => eb.ref('excluded.size') }))
        .returning(['id', 'size'])
        .executeTakeFirstOrThrow(),
    );
  const first = await upsert(1);
  expect(first).toEqual({ id: expect.any(Number), size: 1 });
  expect(await upsert(2)).toEqual({ id: first.id, size: 2 });
  const nothing = await db.write((tx) =>
    tx
      .insertInto('samples')
      .values(sample('same', 3))
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returning('id')
      .executeTakeFirst(),
  );
  expect(nothing).toBeUndefined();
});

test('updates and deletes count the rows that they changed', async () => {
  for (const name of ['a', 'b', 'c']) await insert(name);
  const updated = await db.write((tx) =>
    tx.updateTable('samples').set({ size: 1 }).where('name', '<', 'c').executeTakeFirst(),
  );
  expect(updated.numUpdatedRows).toBe(2n);
  const deleted = await db.write((tx) => tx.deleteFrom('samples').where('name', '>', 'x').executeTakeFirst());
  expect(deleted.numDeletedRows).toBe(0n);
});

describe('check, then write', () => {
  const add = async (tx: Transaction, read: (tx: Transaction) => Promise<{ size: number }>) => {
    const { size } = await read(tx);
    // Another query gives the other transactions time to read as well.
    await tx.selectFrom('samples').select('id').execute();
    await tx
      .updateTable('samples')
      .set({ size: size + 1 })
      .where('name', '=', 'counter')
      .execute();
  };
  const row = (tx: Transaction) => tx.selectFrom('samples').select('size').where('name', '=', 'counter');
  const times = 40;

  test('with the row locked, nothing is lost', async () => {
    await insert('counter');
    const write = () => db.write((tx) => add(tx, () => db.forUpdate(row(tx)).executeTakeFirstOrThrow()));
    await Promise.all(Array.from({ length: times }, write));
    expect(await db.first('SELECT size FROM samples', [])).toEqual({ size: times });
  });

  test('without the lock PostgreSQL loses updates, so the test above shows something', async () => {
    await insert('counter');
    const write = () => db.write((tx) => add(tx, () => row(tx).executeTakeFirstOrThrow()));
    await Promise.all(Array.from({ length: times }, write));
    const { size } = (await db.first<{ size: number }>('SELECT size FROM samples', []))!;
    if (db.dialect === 'sqlite') expect(size).toBe(times);
    else expect(size).toBeLessThan(times);
  });
});

test('a statement that fails ends its transaction, also when the error is caught', async () => {
  await insert('taken');
  let second: unknown;
  const write = db.write(async (tx) => {
    await tx.insertInto('samples').values(sample('before')).execute();
    await tx
      .insertInto('samples')
      .values(sample('taken'))
      .execute()
      .catch(() => {});
    second = await tx
      .selectFrom('samples')
      .select('id')
      .execute()
      .catch((error: unknown) => error);
  });
  await expect(write).rejects.toThrow();
  await write.catch(() => {});
  expect(second).toBeInstanceOf(Error);
  expect(String(second)).toMatch(/transaction is aborted/);
  expect(await db.all('SELECT name FROM samples', [])).toEqual([{ name: 'taken' }]);
});

test('a statement that was not awaited is refused once its transaction has ended', async () => {
  let late: Transaction | undefined;
  await db.write(async (tx) => {
    late = tx;
  });
  await expect(late!.insertInto('samples').values(sample('late')).execute()).rejects.toThrow();
  expect(await db.all('SELECT name FROM samples', [])).toEqual([]);
});

describe('statements that nobody waits for', () => {
  const change = 'UPDATE samples SET size = size + ? WHERE name = ?';
  const insertion = 'INSERT INTO samples (name, flag) VALUES (?, 0)';

  test('take effect in their order, with those that are awaited, and are whole when the write is', async () => {
    await insert('a');
    const sizes = await db.write(async (tx) => {
      tx.send(change, [5, 'a']);
      const [first, changed] = await Promise.all([
        tx.first<{ size: number }>('SELECT size FROM samples WHERE name = ? FOR UPDATE', ['a']),
        tx.run(change, [10, 'a']),
      ]);
      tx.send('UPDATE samples SET size = size * 2', []);
      return [first!.size, changed];
    });
    expect(sizes).toEqual([5, 1]);
    expect(await db.all('SELECT size FROM samples', [])).toEqual([{ size: 30 }]);
  });

  test('undo the write when one of them fails, and the write tells why', async () => {
    await insert('a');
    const write = db.write(async (tx) => {
      tx.send(change, [5, 'a']);
      tx.send(insertion, ['a']);
      tx.send(change, [6, 'a']);
    });
    await expect(write).rejects.toThrow(/unique/i);
    expect(await db.all('SELECT size FROM samples', [])).toEqual([{ size: 0 }]);
  });

  test('are behind the failure of what is awaited after them', async () => {
    await insert('a');
    const write = db.write(async (tx) => {
      tx.send(insertion, ['a']);
      return tx.first('SELECT size FROM samples', []);
    });
    const error = await write.then(
      () => undefined,
      (failure: Error) => failure,
    );
    expect(String(error)).toMatch(/transaction is aborted/);
    expect((error!.cause as Error).message).toMatch(/unique/i);
  });

  test('are refused once the transaction has ended', async () => {
    let late: Transaction | undefined;
    await db.write(async (tx) => {
      late = tx;
    });
    await expect(late!.run(change, [1, 'a'])).rejects.toThrow('has ended');
    expect(() => late!.send(change, [1, 'a'])).toThrow('has ended');
  });
});

test('parameters are numbered for PostgreSQL', () => {
  expect(numberParameters('SELECT ?, ? FROM t WHERE (a, b) > (?, ?)')).toBe(
    'SELECT $1, $2 FROM t WHERE (a, b) > ($3, $4)',
  );
  expect(numberParameters('SELECT 1')).toBe('SELECT 1');
});

test('integers of PostgreSQL are read exactly or not at all', () => {
  expect(parseInteger('-9007199254740991')).toBe(-9007199254740991);
  expect(parseInteger('0')).toBe(0);
  for (const text of ['9007199254740992', '-9007199254740993', '9223372036854775807']) {
    expect(() => parseInteger(text)).toThrow(RangeError);
  }
});
