import { expect, test } from 'bun:test';
import { lingering } from './request-body.ts';

/** A request whose body does not end. */
function endless(): Request {
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(10)) });
  return new Request('http://localhost/', { method: 'POST', body });
}

/** Which of many requests, all refused in one turn, keep their connections for a moment. */
async function refuse(count: number): Promise<Response[]> {
  const answers = Array.from({ length: count }, () => new Response('no', { status: 503 }));
  const kept = await Promise.all(answers.map((answer) => lingering(answer, endless())));
  return kept.filter((answer, at) => answer !== answers[at]);
}

test('of a thousand requests that are refused at once, a hundred connections are kept, and only for a moment', async () => {
  const kept = await refuse(1000);
  expect(kept).toHaveLength(100);
  expect(await refuse(1)).toHaveLength(0);
  const texts = await Promise.all(kept.map((answer) => answer.text()));
  expect(new Set(texts)).toEqual(new Set(['no']));
  const again = await refuse(100);
  expect(again).toHaveLength(100);
  // Nobody reads these: their clients are gone.
  for (const until = Date.now() + 45_000; Date.now() < until; await Bun.sleep(100)) {
    if ((await refuse(1)).length === 1) return;
  }
  throw new Error('connections that nobody has any more count for ever');
});
