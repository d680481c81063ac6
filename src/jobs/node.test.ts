import { describe, expect, test } from 'bun:test';
import { openTestDatabase, type TestDatabase, testDialect } from '../../test/support/database.ts';
import type { Database } from '../database/index.ts';
import { joinNodes, type Node } from './node.ts';
import { listNodes } from './nodes.ts';
import { jobMigrations } from './tables.ts';

// On SQLite there are no nodes.
if (testDialect() === 'postgres') describe('nodes', suite);

function suite(): void {
  const heartbeatMs = 50;
  const open = () => openTestDatabase(jobMigrations);
  const join = (db: Database, name = 'n', failed: () => void = () => {}) =>
    joinNodes(db, { name, failed, heartbeatMs });
  /** As if a node had been silent for so long: its heartbeat was that much earlier. */
  const silence = (db: TestDatabase, { id }: Node, ms: number) =>
    db.change('UPDATE nodes SET seen_at = seen_at - ? WHERE id = ? RETURNING id', [ms, id()]);

  async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = performance.now() + 45_000; !(await condition());) {
      if (performance.now() > end) throw new Error('it did not happen within 45 s');
      await Bun.sleep(5);
    }
  }

  test('of nodes that ask for a lease one has it; the next has it at once when that one leaves', async () => {
    await using db = await open();
    const first = await join(db);
    const mine = first.lease('collect');
    await until(mine);
    await using second = await join(db);
    const its = second.lease('collect');
    await until(() => second.alive() === 2);
    await Bun.sleep(3 * heartbeatMs);
    expect([mine(), its()]).toEqual([true, false]);
    await first[Symbol.asyncDispose]();
    await until(its);
    expect((await listNodes(db)).map(({ leases }) => leases)).toEqual([['collect']]);
  });

  test('a node that gives its leases back asks for none any more, and remains a node', async () => {
    await using db = await open();
    await using first = await join(db);
    await using second = await join(db);
    const mine = first.lease('collect');
    await until(mine);
    await first.giveBack();
    expect(mine()).toBe(false);
    await until(second.lease('collect'));
    await Bun.sleep(3 * heartbeatMs);
    expect([first.leases(), second.leases(), first.alive()]).toEqual([[], ['collect'], 2]);
  });

  test('what a node does not want for a while goes to another one, which keeps it; where there is none, it has it again', async () => {
    await using db = await open();
    await using first = await join(db);
    let wants = true;
    const mine = first.lease('collect', () => wants);
    const always = first.lease('trim');
    await until(() => mine() && always());
    wants = false;
    await until(() => !mine());
    wants = true;
    await until(mine);
    await using second = await join(db);
    const its = second.lease('collect');
    wants = false;
    await until(its);
    wants = true;
    await Bun.sleep(3 * heartbeatMs);
    expect([mine(), its(), always()]).toEqual([false, true, true]);
  });

  test('a node that was silent for too long has lost its leases, and learns it', async () => {
    await using db = await open();
    const away = cuttable(db);
    await using first = await join(away.db);
    const mine = first.lease('collect');
    await until(mine);
    away.cut = true;
    await using second = await join(db);
    const its = second.lease('collect');
    await silence(db, first, 2000);
    await Bun.sleep(4 * heartbeatMs);
    expect(its()).toBe(false);
    await silence(db, first, 3100);
    await until(its);
    away.cut = false;
    await until(() => !mine());
    expect(first.id()).not.toBe(second.id());
  });

  test('a node does not trust a lease whose heartbeats it has not heard of', async () => {
    await using db = await open();
    const away = cuttable(db);
    let told = 0;
    await using node = await join(away.db, 'n', () => void told++);
    const mine = node.lease('collect');
    await until(mine);
    away.cut = true;
    await until(() => !mine());
    expect(told).toBe(1);
    away.cut = false;
    await until(mine);
  });

  test('a node that was forgotten is another one from then on', async () => {
    await using db = await open();
    await using node = await join(db);
    const before = node.id();
    const mine = node.lease('collect');
    await until(mine);
    await db.change('DELETE FROM nodes WHERE id = ? RETURNING id', [before]);
    await until(() => node.id() !== before);
    await until(mine);
    expect((await listNodes(db)).map(({ id, leases }) => [id, leases])).toEqual([[node.id(), ['collect']]]);
  });

  test('nodes that were silent for long are forgotten by the next that starts; a clock set back keeps none alive', async () => {
    await using db = await open();
    const away = cuttable(db);
    await using gone = await join(away.db);
    await using ahead = await join(away.db);
    away.cut = true;
    await Bun.sleep(2 * heartbeatMs);
    await silence(db, ahead, -30_000);
    await silence(db, gone, 700_000);
    await using node = await join(db, 'host:1');
    const states = await listNodes(db);
    expect(states.map(({ id, alive }) => [id, alive])).toEqual([
      [ahead.id(), false],
      [node.id(), true],
    ]);
    expect(states[1]).toMatchObject({ name: 'host:1', leases: [] });
    away.cut = false;
  });

  test('many nodes that start and stop at once: never two that have a lease', async () => {
    await using db = await open();
    let most = 0;
    let had = 0;
    const nodes = await Promise.all(Array.from({ length: 8 }, () => join(db)));
    const leases = nodes.map((node) => node.lease('collect'));
    for (const node of nodes) {
      await until(() => leases.some((has) => has()));
      for (let look = 0; look < 10; look++) {
        most = Math.max(most, leases.filter((has) => has()).length);
        await Bun.sleep(5);
      }
      const at = leases.findIndex((has) => has());
      if (at >= 0) had++;
      await node[Symbol.asyncDispose]();
    }
    expect(most).toBe(1);
    expect(had).toBeGreaterThan(0);
    expect(await listNodes(db)).toEqual([]);
  });

  test('what is to be done eventually is done when the database is back, or given up with the node', async () => {
    await using db = await open();
    const node = await join(db);
    let tries = 0;
    node.eventually(async () => {
      if (++tries < 3) throw new Error('away');
    });
    await until(() => tries === 3);
    node.eventually(async () => {
      tries++;
      throw new Error('away');
    });
    await node[Symbol.asyncDispose]();
    const ended = tries;
    await Bun.sleep(3 * heartbeatMs);
    expect(tries).toBeLessThanOrEqual(ended + 1);
  });

  test('what is to be done eventually is bounded, and done one after the other', async () => {
    await using db = await open();
    await using node = await join(db);
    let away = true;
    let [running, most, tries, done] = [0, 0, 0, 0];
    for (let at = 0; at < 3000; at++)
      node.eventually(async () => {
        tries++;
        most = Math.max(most, ++running);
        await Bun.sleep(1);
        running--;
        if (away) throw new Error('away');
        done++;
      });
    await Bun.sleep(10 * heartbeatMs);
    expect(tries).toBeLessThan(30);
    away = false;
    await until(() => done >= 1000);
    await Bun.sleep(3 * heartbeatMs);
    expect([most, done]).toEqual([1, 1001]);
  });
}

/** A database that can be cut off: what is sent to it then fails. */
function cuttable(db: TestDatabase) {
  const away = { cut: false, db };
  away.db = {
    ...db,
    change: async (...args) => {
      if (away.cut) throw new Error('connection lost');
      return db.change(...args);
    },
  };
  return away;
}
