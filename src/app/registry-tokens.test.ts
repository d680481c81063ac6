import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { basic } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
});
afterAll(() => server[Symbol.asyncDispose]());

test('a token that another process has deleted gets no password, nor does the next one of its name', async () => {
  const { resources, identification } = server.app.access;
  const manage = managementOf(server.url);
  const first = await manage.token('robot', ['repositories/app/content/read']);
  const tokenId = `${registry}/tokens/robot`;
  // As another process does it: this one has not heard of it yet.
  await resources.delete(tokenId, { by: 'another process' });
  await expect(manage.post(`${registry}/generateCredentials`, { tokenId, name: 'password2' })).rejects.toThrow('404');
  const all = await identification.passwords.all();
  expect(all.map(({ slot }) => slot)).toEqual(['password1']);

  await manage.put(tokenId, { scopeMapId: `${registry}/scopeMaps/_repositories_admin` });
  const headers = { Authorization: basic('robot', first) };
  expect((await fetch(`${server.url}/v2/`, { headers })).status).toBe(401);
});

test('the audit says whose password was made', async () => {
  const since = server.audit().length;
  await managementOf(server.url).token('other-robot', ['repositories/app/content/read']);
  const made = server.audit(since).filter(({ action }) => String(action).endsWith('/generateCredentials/action'));
  expect(made).toMatchObject([{ outcome: 'allowed', target: registry, concerns: `${registry}/tokens/other-robot` }]);
});

test('a token has a scope map, not what only ends like one', async () => {
  const manage = managementOf(server.url);
  for (const id of [`${registry}/anything/_repositories_admin`, `${registry}/tokens/other-robot`]) {
    const made = manage.put(`${registry}/tokens/mapless`, { scopeMapId: id });
    await expect(made).rejects.toThrow('is no scope map of this registry');
  }
});
