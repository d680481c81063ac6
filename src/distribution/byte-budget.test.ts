import { expect, test } from 'bun:test';
import { errorOf, makeImage, pushImage, putManifest, randomBytes } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';
import { createByteBudget } from '../memory/index.ts';

test('shares take from one budget, and give back what they took, once', () => {
  const budget = createByteBudget(100);
  const first = budget.share();
  first.take(60);
  {
    using second = budget.share();
    second.take(40);
    expect(() => second.take(1)).toThrow('as many large manifests');
    expect(() => first.take(1)).toThrow();
  }
  first.take(40);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  budget.share().take(100);
  expect(() => budget.share().take(1)).toThrow();
});

test('large manifests that arrive at once share bounded memory; small ones and later ones are taken', async () => {
  await using server = await startTestApp();
  const image = await pushImage(server.url, 'app', 'base');
  const large = JSON.stringify({ ...JSON.parse(image.text), annotations: { filling: 'x'.repeat(4_100_000) } });
  const parts = 40;
  const { promise: goOn, resolve: go } = Promise.withResolvers<void>();
  // Each sends all but its last byte, and waits.
  const body = () =>
    new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(Buffer.from(large.slice(0, -1)));
        await goOn;
        controller.enqueue(Buffer.from(large.slice(-1)));
        controller.close();
      },
    });
  const answers = Array.from({ length: parts }, (_, at) => putManifest(server.url, 'app', `t${at}`, body()));
  const early = await Promise.race(answers);
  expect(early.status).toBe(503);
  expect(early.headers.get('retry-after')).toBe('5');
  expect((await errorOf(early)).code).toBe('UNAVAILABLE');
  go();
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([201, 503]));
  expect(statuses.filter((status) => status === 201).length).toBeWithin(10, 17);
  expect((await putManifest(server.url, 'app', 'again', large)).status).toBe(201);
  await pushImage(server.url, 'app', 'small', makeImage(randomBytes(10)));
});
