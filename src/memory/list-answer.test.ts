import { expect, test } from 'bun:test';
import { createByteBudget } from './byte-budget.ts';
import { answerList } from './list-answer.ts';

const bytes = 200_000;
const body = { tags: ['x'.repeat(bytes)] };

/** A registry that has room for so many such lists. */
function room(lists: number) {
  const budget = createByteBudget(lists * bytes);
  return (request = new Request('http://localhost/'), failure?: Error) =>
    answerList(budget, { method: request.method, request }, async (share) => {
      share.take(bytes);
      if (failure) throw failure;
      return { body, headers: { Link: '<next>' } };
    });
}

test('a large list comes whole, and counts until it has gone out', async () => {
  const list = room(2);
  const [first, second] = [await list(), await list()];
  await expect(list()).rejects.toMatchObject({ code: 'UNAVAILABLE', status: 503 });
  expect(await first.json()).toEqual(body);
  expect(Object.fromEntries(first.headers)).toMatchObject({ 'content-type': 'application/json', link: '<next>' });
  const third = await list();
  await second.body!.cancel();
  await third.text();
  for (let count = 0; count < 5; count++) await (await list()).text();
});

test('one that fails, that is for HEAD, or whose client is gone counts no more', async () => {
  const list = room(1);
  await expect(list(undefined, new Error('away'))).rejects.toThrow('away');
  const head = await list(new Request('http://localhost/', { method: 'HEAD' }));
  expect((await head.text()).length).toBe(JSON.stringify(body).length);
  const client = new AbortController();
  await list(new Request('http://localhost/', { signal: client.signal }));
  await expect(list()).rejects.toThrow();
  client.abort();
  await list(new Request('http://localhost/', { signal: AbortSignal.abort() }));
  expect(await (await list()).json()).toEqual(body);
});
