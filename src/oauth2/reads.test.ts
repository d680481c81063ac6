import { expect, test } from 'bun:test';
import { accessToken, refreshToken } from '../../test/http/tokens.ts';
import { basic, makePassword, nullUser } from '../../test/support/people.ts';
import { startWatchedApp } from '../../test/support/watched-app.ts';
import { recording } from '../catalog/statements.double.ts';

test('a token takes one look-up of its repositories, and one of the password where there is one', async () => {
  await using server = await startWatchedApp();
  const { people, app, url } = server;
  await people.assign('Container Registry Repository Reader', await people.identity('reader'));
  await people.token('robot', ['repositories/*/content/read']);
  const { value } = await makePassword(app, { kind: 'token', name: 'robot' });
  const refresh = await refreshToken(url, await people.jwt('reader'));
  const asked: string[] = [];
  const { db } = app.storage;
  const recorded = recording({ ...db }, ({ text }) => {
    const table = /\b(?:FROM|INTO|UPDATE) (repositories|passwords|manifests|uploads)\b/.exec(text)?.[1];
    if (table !== undefined) asked.push(table);
  });
  Object.assign(db, recorded);
  const read = async (authorization: string, ...scope: string[]) => {
    await accessToken(url, authorization, scope);
    return asked.splice(0);
  };
  const scope = ['repository:a:pull', 'repository:b:pull', 'repository:c:pull,push'];
  expect(await read(basic(nullUser, refresh))).toEqual([]);
  expect(await read(basic(nullUser, refresh), 'registry:catalog:*')).toEqual([]);
  expect(await read(basic(nullUser, refresh), ...scope)).toEqual(['repositories']);
  expect(await read(basic('x', await people.jwt('reader')), ...scope)).toEqual(['repositories']);
  expect(await read(basic('robot', value), ...scope)).toEqual(['passwords', 'repositories']);
});
