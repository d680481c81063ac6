import { expect, test } from 'bun:test';
import { fetch } from '../http/fetch.ts';
import { pushImage } from '../http/registry.ts';
import { basic, openPeople } from '../support/people.ts';
import { startTestApp } from '../support/server.ts';

/* How long a refusal takes says nothing of what is there. Alone on the machine: it is about per cents. */

const requests = 4000;

const medianOf = (times: number[]): number => times.toSorted((one, other) => one - other)[times.length >> 1]!;

/** Medians (ms) of two questions that are asked in turn; who is first changes each time. */
async function compare(ask: (which: 0 | 1) => Promise<void>): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let at = 0; at < requests; at++) {
    // Pairs in the order 0 1, 1 0, 0 1 …
    const which = ((at ^ (at >> 1)) & 1) as 0 | 1;
    const begin = performance.now();
    await ask(which);
    times[which].push(performance.now() - begin);
  }
  return [medianOf(times[0]), medianOf(times[1])];
}

/** How far apart they are, relative to the smaller; measured once more where it is too far. */
async function difference(ask: (which: 0 | 1) => Promise<void>): Promise<number> {
  await compare(ask);
  let found = 1;
  for (let attempt = 0; attempt < 2 && found > 0.05; attempt++) {
    const [one, other] = await compare(ask);
    found = Math.abs(one - other) / Math.min(one, other);
  }
  return found;
}

test('lesson 22: missing and forbidden take the same time, within 5 per cent of the median', async () => {
  await using server = await startTestApp();
  const people = await openPeople(server.app.access);
  await pushImage(server.url, 'hidden', 'latest');
  await people.identity('stranger');
  const shown = { Authorization: basic('x', await people.jwt('stranger')) };
  for (const headers of [{}, shown]) {
    const names = ['hidden', 'absent'] as const;
    const apart = await difference(async (which) => {
      const url = `${server.url}/v2/${names[which]}/manifests/latest`;
      const answer = await fetch(url, { headers, anonymous: true });
      await answer.arrayBuffer();
      expect(answer.status).toBe(headers === shown ? 403 : 401);
    });
    expect(apart).toBeLessThan(0.05);
  }
}, 120_000);
