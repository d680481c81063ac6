import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, type Image, pushImage } from '../../test/http/registry.ts';
import { accessToken } from '../../test/http/tokens.ts';
import { basic, bearer, makePassword } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import { recording } from '../catalog/statements.double.ts';

let server: WatchedApp;
let image: Image;
/** Callers who know of `open` alone, by what they show. */
let callers: Record<string, string>;
/** Statements on what has been pushed since the last time that was asked. In the background pulls alone are counted with it. */
const asked: string[] = [];
const statements = () => asked.splice(0);

beforeAll(async () => {
  server = await startWatchedApp();
  const { people, app, url } = server;
  image = await pushImage(url, 'hidden', 'latest');
  await pushImage(url, 'open', 'latest');
  const condition = "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'open'";
  await people.assign('Container Registry Repository Reader', await people.identity('reader'), { condition });
  await people.token('reader-token', ['repositories/open/content/read']);
  const { value } = await makePassword(app, { kind: 'token', name: 'reader-token' });
  const jwt = basic('x', await people.jwt('reader'));
  callers = {
    nobody: '',
    'an identity': jwt,
    'a token of the registry': basic('reader-token', value),
    'an access token': bearer(await accessToken(url, jwt, ['repository:open:pull'])),
  };
  const { db } = app.storage;
  const recorded = recording({ ...db }, ({ text }) => {
    if (text.startsWith('INSERT INTO pulls')) return;
    if (/\b(?:repositories|manifests|tags|blob_links|uploads)\b/.test(text)) asked.push(text);
  });
  Object.assign(db, recorded);
});
afterAll(() => server[Symbol.asyncDispose]());

const requests: [string, string][] = [
  ['GET', 'manifests/latest'],
  ['HEAD', 'manifests/latest'],
  ['GET', `manifests/${digestOf('x')}`],
  ['PUT', 'manifests/latest'],
  ['DELETE', 'manifests/latest'],
  ['GET', `blobs/${digestOf('x')}`],
  ['HEAD', `blobs/${digestOf('x')}`],
  ['DELETE', `blobs/${digestOf('x')}`],
  ['GET', 'tags/list'],
  ['GET', `referrers/${digestOf('x')}`],
  ['POST', 'blobs/uploads/'],
  ['POST', `blobs/uploads/?digest=${digestOf('x')}`],
  ['POST', `blobs/uploads/?mount=${digestOf('x')}&from=open`],
  ['GET', `blobs/uploads/${'0'.repeat(32)}`],
  ['DELETE', `blobs/uploads/${'0'.repeat(32)}`],
];

/** All that an answer says, but for what names it and its request. */
async function answerOf(name: string, method: string, path: string, authorization: string) {
  const headers: Record<string, string> = authorization === '' ? {} : { Authorization: authorization };
  const answer = await fetch(`${server.url}/v2/${name}/${path}`, { method, headers, anonymous: true });
  const said = [...answer.headers].filter(([header]) => !/^(?:date|x-request-id|x-ms-correlation)/.test(header));
  const text = JSON.stringify([answer.status, said, await answer.text()]);
  const id = answer.headers.get('x-request-id')!;
  return text.replaceAll(name, 'NAME').replaceAll(id, 'ID');
}

describe('lesson 22: what is forbidden and what is missing look the same', () => {
  const kinds = ['nobody', 'an identity', 'a token of the registry', 'an access token'];
  test.each(kinds)('to %s, in all that is said, and ask the database for nothing', async (kind) => {
    const shown = callers[kind]!;
    await answerOf('open', 'GET', 'tags/list', shown);
    statements();
    for (const [method, path] of requests) {
      const hidden = await answerOf('hidden', method, path.replace(digestOf('x'), image.layerDigest), shown);
      const missing = await answerOf('missin', method, path.replace(digestOf('x'), image.layerDigest), shown);
      expect(hidden).toBe(missing);
      expect(hidden).toMatch(/^\[40[13],/);
    }
    expect(statements()).toEqual([]);
    expect(await answerOf('open', 'GET', 'manifests/latest', shown)).toStartWith(kind === 'nobody' ? '[401,' : '[200,');
    expect(statements().length).toBe(kind === 'nobody' ? 0 : 1);
  });

  test('so do repositories that are named as sources of a mount', async () => {
    const { people, url } = server;
    const condition = "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'own'";
    await people.assign('Container Registry Repository Writer', await people.identity('writer'), { condition });
    const headers = { Authorization: basic('x', await people.jwt('writer')) };
    const upload = async (query: string) => {
      await fetch(`${url}/v2/own/blobs/uploads/?${query}`, { method: 'POST', headers });
      // Sweeps look at uploads now and then.
      return statements().filter((text) => !text.includes('uploads'));
    };
    const mount = (from: string) => upload(`mount=${image.layerDigest}&from=${from}`);
    await mount('hidden');
    const hidden = await mount('hidden');
    expect(hidden).toEqual(await mount('missing'));
    // Nothing is asked but what is asked of any upload.
    expect(hidden).toEqual(await upload(''));
    expect(hidden.some((text) => text.includes('blob_links'))).toBe(false);
  });
});

test('lesson 21: what is missing is 404 to whoever could make it', async () => {
  await server.people.assign('Container Registry Repository Writer', await server.people.identity('maker'));
  const jwt = basic('x', await server.people.jwt('maker'));
  const token = bearer(await accessToken(server.url, jwt, ['repository:new/app:pull']));
  for (const authorization of [jwt, token]) {
    for (const method of ['GET', 'HEAD']) {
      for (const path of ['manifests/latest', `manifests/${digestOf('x')}`, `blobs/${digestOf('x')}`]) {
        const headers = { Authorization: authorization };
        const answer = await fetch(`${server.url}/v2/new/app/${path}`, { method, headers });
        expect([path, answer.status]).toEqual([path, 404]);
      }
    }
  }
});

test('lesson 20: a token without the scope is 401, as if there were another to get; a denial is 403', async () => {
  const jwt = callers['an identity']!;
  const call = (authorization: string, method: string) =>
    fetch(`${server.url}/v2/open/manifests/latest`, { method, headers: { Authorization: authorization } });
  const unscoped = bearer(await accessToken(server.url, jwt, []));
  const lacking = await call(unscoped, 'GET');
  expect(lacking.status).toBe(401);
  expect(lacking.headers.get('www-authenticate')).toEndWith('scope="repository:open:pull",error="insufficient_scope"');
  for (const authorization of [jwt, unscoped]) {
    const denied = await call(authorization, 'PUT');
    expect(denied.status).toBe(403);
    expect(denied.headers.get('www-authenticate')).toBeNull();
    const { code, message } = await errorOf(denied);
    expect(code).toBe('DENIED');
    expect(message).toBe('reader has no right to push in open; bonded access explain says why');
  }
});

test('lesson 26: a denied HEAD says why in a Warning', async () => {
  const headers = { Authorization: callers['an identity']! };
  const answer = await fetch(`${server.url}/v2/hidden/manifests/latest`, { method: 'HEAD', headers });
  expect(answer.status).toBe(403);
  expect(answer.headers.get('warning')).toBe(
    '299 - "reader has no right to pull in hidden; bonded access explain says why"',
  );
  expect(answer.headers.get('warning')!.length).toBeLessThan(4096);
});
