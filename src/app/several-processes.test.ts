import { expect, test } from 'bun:test';
import { accessToken } from '../../test/http/tokens.ts';
import { connectToWorkers } from '../../test/http/worker-connections.ts';
import { expectWithdrawals, openPeopleBeside } from '../../test/support/open-people.ts';
import { basic, bearer } from '../../test/support/people.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { secretsIn } from '../../test/support/watched-app.ts';

test('what is taken away is gone within 5 s in every process, and no secret is in what they log', async () => {
  await using database = await freshDatabaseOptions();
  const url = database.kind === 'postgres' ? database.url : undefined;
  const settings = { processes: 2, 'log.level': 'debug' };
  await using server = await startTestProcess({ settings, ...(url !== undefined && { database: url }) });
  await using people = await openPeopleBeside({ data: server.data, database: url });
  const workers = await connectToWorkers(Number(new URL(server.url).port), 2);
  const processes = workers.map((worker) => {
    let last: Promise<unknown> = Promise.resolve();
    // One request at a time on each connection.
    return (authorization: string): Promise<number> => {
      const headers = { Authorization: authorization, Host: server.host };
      const asked = last.then(() => worker.send('GET', '/v2/app/manifests/latest', { headers }));
      last = asked;
      return asked.then(({ status }) => status);
    };
  });
  const longest = await expectWithdrawals(people, processes, {
    jwt: (token) => basic('x', token),
    access: async (token) => bearer(await accessToken(server.url, basic('x', token), ['repository:app:pull'])),
    password: basic,
  });
  expect(longest).toBeLessThan(5000);
  for (const worker of workers) worker[Symbol.dispose]();
  expect(secretsIn(server.output())).toEqual([]);
}, 120_000);

test('the longest token that is read fits into a header, also as the password of Basic', async () => {
  await using database = await freshDatabaseOptions();
  const url = database.kind === 'postgres' ? database.url : undefined;
  await using server = await startTestProcess({ ...(url !== undefined && { database: url }) });
  await using people = await openPeopleBeside({ data: server.data, database: url });
  await people.identity('member');
  const groups = Array.from({ length: 300 }, (_, at) => `${at}`.padStart(36, 'g'));
  const jwt = await people.jwt('member', { groups });
  expect(jwt.length).toBeGreaterThan(15_000);
  const ask = async (authorization: string) =>
    (await fetch(`${server.url}/v2/`, { headers: { Authorization: authorization } })).status;
  for (const until = Date.now() + 45_000; (await ask(bearer(jwt))) !== 200 && Date.now() < until;) await Bun.sleep(50);
  expect(await ask(basic('x', jwt))).toBe(200);
  expect(await ask(bearer(await accessToken(server.url, basic('x', jwt), [])))).toBe(200);
  expect(await ask(basic('x', `${jwt}${'A'.repeat(16_384)}`))).toBe(401);
});
