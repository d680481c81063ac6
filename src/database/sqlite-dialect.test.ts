import { Database as Sqlite } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { createStatementCache } from './sqlite-dialect.ts';

test('a look-up over three tables costs less than three look-ups, whatever values are bound', () => {
  using db = new Sqlite(':memory:');
  for (const table of ['a', 'b', 'c']) {
    db.run(`CREATE TABLE ${table} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, parent INTEGER, UNIQUE (parent, name))`);
    for (let n = 1; n <= 50; n++) db.run(`INSERT INTO ${table} VALUES (${n}, '${table}${n}', ${n})`);
  }
  const { prepare, clear } = createStatementCache(db);
  const joined = `SELECT c.id AS id FROM a JOIN b ON b.parent = a.id AND b.name = ?
    JOIN c ON c.parent = b.id AND c.name = ? WHERE a.parent = ? AND a.name = ?`;
  const work = {
    together: (n: number) => prepare(joined).get(`b${n}`, `c${n}`, n, `a${n}`),
    apart: (n: number) =>
      ['a', 'b', 'c'].map((table) =>
        prepare(`SELECT id FROM ${table} WHERE parent = ? AND name = ?`).get(n, `${table}${n}`),
      )[2],
  };
  for (const one of Object.values(work)) expect(one(7)).toEqual({ id: 7 });
  const least = { together: Infinity, apart: Infinity };
  for (let round = 0; round < 40; round++) {
    for (const kind of ['together', 'apart'] as const) {
      const began = performance.now();
      for (let n = 0; n < 200; n++) work[kind]((n % 50) + 1);
      least[kind] = Math.min(least[kind], performance.now() - began);
    }
  }
  clear();
  expect(least.together).toBeLessThan(least.apart);
});
