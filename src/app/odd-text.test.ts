import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { pushImage } from '../../test/http/registry.ts';
import { basic } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
  await pushImage(server.url, 'app', 'latest');
});
afterAll(() => server[Symbol.asyncDispose]());

/** What databases read in different ways, or refuse: NUL, half a character, one that is none. */
const odd = ['\0', 'a\0b', '\u{10ffff}', '\ufffe'].map(encodeURIComponent).concat('%ED%A0%80', '%FF', '%');

test.each(odd)('a user name of %s is a wrong one', async (user) => {
  const answer = await fetch(`${server.url}/oauth2/token`, {
    anonymous: true,
    method: 'POST',
    body: `grant_type=password&username=${user}&password=${user}`,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  });
  expect(answer.status).toBe(401);
});

test.each(odd)('a page after %s is a page, or a bad request', async (last) => {
  const paths = ['v2/_catalog', 'v2/app/tags/list', 'acr/v1/_catalog', 'acr/v1/app/_tags', 'acr/v1/app/_manifests'];
  for (const path of paths) {
    const answer = await fetch(`${server.url}/${path}?last=${last}&n=1`);
    expect([path, [200, 400].includes(answer.status) || answer.status]).toEqual([path, true]);
    const timed = await fetch(`${server.url}/${path}?last=${last}&n=1&at=999999999999999&orderby=timeasc`);
    expect([path, [200, 400].includes(timed.status) || timed.status]).toEqual([path, true]);
  }
});

test('a user name of the Authorization header that no database takes is a wrong one', async () => {
  for (const user of ['\u{10ffff}', '\ufffe', 'ab\u2028cd', 'x'.repeat(5000), '_repositories_pull', '__proto__']) {
    const headers = { Authorization: basic(user, 'x') };
    expect((await fetch(`${server.url}/v2/`, { headers })).status).toBe(401);
  }
});
