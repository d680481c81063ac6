import { Database as Sqlite } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { acknowledged, byHand, openWriters, type Writer } from '../../test/support/writers.ts';
import { grantWriteToken, type TokenChild } from './write-token.ts';

test('a process that is killed while it writes does not stall the others', async () => {
  await using writers = await openWriters();
  const all = await writers.startAll(4, { concurrency: 8, syncDelayMs: 0 });
  await Bun.sleep(300);
  const [killed, ...others] = all as [Writer, ...Writer[]];
  killed.child.send('progress');
  const before = await killed.hear<number>();
  killed.child.kill('SIGKILL');
  await killed.child.exited;
  const progress = () =>
    Promise.all(
      others.map(({ child, hear }) => {
        child.send('progress');
        return hear<number>();
      }),
    );
  const atKill = await progress();
  await untilAll(progress, (count, index) => count > atKill[index]! + 20);
  const reports = await writers.stop(others);
  expect(writers.rows('process > 0')).toBe(acknowledged(reports));
  expect(writers.rows('process = 0')).toBeGreaterThanOrEqual(before);
});

test('a process that is killed in the middle of a transaction frees the token and the file', async () => {
  await using writers = await openWriters();
  const db = new Sqlite(writers.path);
  db.run('PRAGMA journal_mode=WAL');
  db.run('CREATE TABLE written (n INTEGER)');
  const receive = grantWriteToken();
  const writer = (n: number, end: string) =>
    writers.start(
      receive,
      byHand(`
        const { Database } = require('bun:sqlite');
        const db = new Database(${JSON.stringify(writers.path)});
        db.run('PRAGMA busy_timeout=0');
        let granted = false;
        function on() {
          if (granted) return;
          granted = true;
          db.run('BEGIN IMMEDIATE');
          db.run('INSERT INTO written VALUES (${n})');
          ${end}
          say('written');
        }
        want(1);`),
    );
  const holder = writer(1, '');
  expect(await holder.hear<string>()).toBe('written');
  const others = [2, 3].map((n) => writer(n, `db.run('COMMIT'); release(1);`));
  const heard = Promise.all(others.map((other) => other.hear<string>()));
  expect(await Promise.race([heard, Bun.sleep(300).then(() => 'nobody')])).toBe('nobody');
  holder.child.kill('SIGKILL');
  expect(await heard).toEqual(['written', 'written']);
  expect(db.query('SELECT n FROM written ORDER BY n').values()).toEqual([[2], [3]]);
  db.close();
});

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 8000; !condition() && Date.now() < end;) await Bun.sleep(5);
}

async function untilAll(look: () => Promise<number[]>, enough: (n: number, index: number) => boolean): Promise<void> {
  for (const end = Date.now() + 45_000; !(await look()).every(enough); await Bun.sleep(50)) {
    if (Date.now() > end) throw new Error('not all of them went on');
  }
}

test('the token is granted in the order in which it was wanted, to one at a time', async () => {
  await using writers = await openWriters();
  const grant = grantWriteToken();
  let messages = 0;
  const receive: typeof grant = (message, from) => {
    const mine = grant(message, from);
    if (mine) messages++;
    return mine;
  };
  const act = (n: number) =>
    `function on(m) { m === 'want' ? want(1) : m === 'give' ? release(1) : say(${n}); } say('up');`;
  const all = [0, 1, 2, 3].map((n) => writers.start(receive, byHand(act(n))));
  for (const each of all) await each.hear();
  const order: number[] = [];
  for (const each of all) void each.hear<number>().then((n) => order.push(n));
  const wanted = [2, 0, 3, 1];
  for (const n of wanted) {
    const before = messages;
    all[n]!.child.send('want');
    await until(() => messages > before);
  }
  for (const [index, n] of wanted.entries()) {
    await until(() => order.length > index);
    // A moment for whoever is granted it although it is taken.
    await Bun.sleep(30);
    expect(order).toEqual(wanted.slice(0, index + 1));
    all[n]!.child.send('give');
  }
});

test('a holder that ends frees the token at once, also where its channel still takes messages', async () => {
  const receive = grantWriteToken();
  const granted: string[] = [];
  const child = (name: string) => {
    const { promise: exited, resolve: exit } = Promise.withResolvers<void>();
    return { exited, exit, send: () => void granted.push(name) };
  };
  const [holder, other] = [child('holder'), child('other')];
  for (const each of [holder, other]) receive({ writeToken: 'want', turn: 1 }, each);
  expect(granted).toEqual(['holder']);
  holder.exit();
  await holder.exited;
  await until(() => granted.includes('other'));
  expect(granted.at(-1)).toBe('other');
});

test('any message may be lost: the others wait a little, and nothing is lost but time', async () => {
  await using writers = await openWriters();
  const grant = grantWriteToken();
  const lost = new Set<string>();
  /** True for the first message of each kind from or to each child. */
  const loses = (child: Bun.Subprocess, message: { writeToken?: string }) => {
    const key = `${child.pid} ${message.writeToken}`;
    return message.writeToken !== undefined && !lost.has(key) && lost.add(key).size > 0;
  };
  const ends = new WeakMap<object, TokenChild>();
  const receive = (message: object, child: Bun.Subprocess) => {
    const end = ends.get(child) ?? {
      exited: child.exited,
      send: (answer: object) => loses(child, answer) || child.send(answer),
    };
    ends.set(child, end);
    return loses(child, message) || grant(message, end);
  };
  const all = await writers.startAll(2, { concurrency: 4, syncDelayMs: 0 }, receive as typeof grant);
  const progress = () => Promise.all(all.map(({ child, hear }) => (child.send('progress'), hear<number>())));
  await untilAll(progress, (count) => count > 100 && lost.size === 6);
  const reports = await writers.stop(all);
  expect(writers.rows()).toBe(acknowledged(reports));
});

test('writing fails when the parent is gone, rather than waiting for it', async () => {
  await using writers = await openWriters();
  const module = JSON.stringify(join(import.meta.dir, 'write-token.ts'));
  const body = `
    import(${module}).then(async ({ parentWriteToken }) => {
      const release = await parentWriteToken.acquire();
      const waiting = parentWriteToken.acquire().catch((error) => error.message);
      say('up');
      await new Promise((resolve) => process.once('disconnect', resolve));
      release();
      console.log(await waiting, '|', await parentWriteToken.acquire().catch((error) => error.message));
    });
    function on() {}`;
  const receive = grantWriteToken();
  const child = writers.start(receive, byHand(body), 'pipe');
  await child.hear();
  child.child.disconnect();
  const said = (await new Response(child.child.stdout as ReadableStream).text()).trim();
  expect(said.split(' | ')).toEqual(Array(2).fill(expect.stringContaining('is gone')));
});
