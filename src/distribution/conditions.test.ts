import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { countFacts } from '../../test/http/facts.ts';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, type Image, ociIndex, ociManifest, pushImage } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

/* Conditional writes of a tag (RFC 9110 §13.1); conditional reads are beside the reads. */

let server: Awaited<ReturnType<typeof startTestApp>>;
let now: Image;
let next: Image;
const etag = (digest: string) => `"${digest}"`;
const write = (
  method: string,
  tag: string,
  headers: Record<string, string>,
  body = next.text,
  type: string = ociManifest,
) =>
  fetch(`${server.url}/v2/if/manifests/${tag}`, {
    method,
    headers: { 'Content-Type': type, ...headers },
    ...(method === 'PUT' && { body }),
  });
const digestUnder = async (tag: string) =>
  (await fetch(`${server.url}/v2/if/manifests/${tag}`, { method: 'HEAD' })).headers.get('docker-content-digest');

beforeAll(async () => {
  server = await startTestApp();
  now = await pushImage(server.url, 'if', 'latest');
  next = await pushImage(server.url, 'if');
});
afterAll(() => server[Symbol.asyncDispose]());

describe.each(['PUT', 'DELETE'])('%s of a tag', (method) => {
  test.each<[what: string, headers: () => Record<string, string>]>([
    ['If-Match names other content', () => ({ 'If-Match': etag(digestOf('else')) })],
    ['If-Match names it weakly', () => ({ 'If-Match': `W/${etag(now.digest)}` })],
    ['If-None-Match is *', () => ({ 'If-None-Match': '*' })],
    ['If-None-Match names it', () => ({ 'If-None-Match': `${'"x", '.repeat(1000)}W/${etag(now.digest)}` })],
    ['one of both fails', () => ({ 'If-Match': etag(now.digest), 'If-None-Match': etag(now.digest) })],
  ])('is 412 and changes nothing where %s', async (_, headers) => {
    const before = await countFacts(server.app, server.data);
    const answer = await write(method, 'latest', headers());
    expect(answer.status).toBe(412);
    const detail = { tag: 'latest', digest: now.digest };
    expect(await errorOf(answer)).toMatchObject({ code: 'PRECONDITION_FAILED', detail });
    expect(await digestUnder('latest')).toBe(now.digest);
    expect(await countFacts(server.app, server.data)).toEqual(before);
  });

  test.each<[what: string, headers: () => Record<string, string>]>([
    ['If-Match names it', () => ({ 'If-Match': etag(now.digest) })],
    ['If-Match names it among others', () => ({ 'If-Match': `"x", ${etag(now.digest)}` })],
    ['If-Match is *', () => ({ 'If-Match': '*' })],
    ['If-None-Match names other content', () => ({ 'If-None-Match': etag(digestOf('else')) })],
  ])('is done where %s', async (_, headers) => {
    await write('PUT', 'moving', {}, now.text);
    const answer = await write(method, 'moving', headers());
    expect(answer.status).toBe(method === 'PUT' ? 201 : 202);
    expect(await digestUnder('moving')).toBe(method === 'PUT' ? next.digest : null);
  });
});

test('a tag that does not exist is made by If-None-Match: *, and by no If-Match', async () => {
  for (const value of ['*', etag(next.digest)]) {
    const answer = await write('PUT', 'fresh', { 'If-Match': value });
    expect(answer.status).toBe(412);
    expect(await digestUnder('fresh')).toBeNull();
  }
  expect((await write('PUT', 'fresh', { 'If-None-Match': '*' })).status).toBe(201);
  expect((await write('PUT', 'fresh', { 'If-None-Match': '*' })).status).toBe(412);
  expect((await write('DELETE', 'unknown', { 'If-Match': '*' })).status).toBe(404);
});

test('clients that each add to one list, and try again after a 412, lose nothing', async () => {
  const images = await Promise.all(Array.from({ length: 8 }, () => pushImage(server.url, 'if')));
  const url = `${server.url}/v2/if/manifests/list`;
  const add = async ({ digest, text }: Image) => {
    for (;;) {
      const read = await fetch(url);
      const list = read.ok ? ((await read.json()) as { manifests: object[] }).manifests : [];
      const manifests = [...list, { mediaType: ociManifest, digest, size: text.length }];
      const body = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests });
      const known = read.headers.get('etag');
      const condition: Record<string, string> = known === null ? { 'If-None-Match': '*' } : { 'If-Match': known };
      const { status } = await write('PUT', 'list', condition, body, ociIndex);
      if (status === 201) return;
      expect(status).toBe(412);
    }
  };
  await Promise.all(images.map(add));
  const { manifests } = (await (await fetch(url)).json()) as { manifests: { digest: string }[] };
  expect(manifests.map(({ digest }) => digest).toSorted()).toEqual(images.map(({ digest }) => digest).toSorted());
});
