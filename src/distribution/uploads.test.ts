import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { asOperator, openRaw, portOf, requestText } from '../../test/http/raw.ts';
import { type Algorithm, digestOf, openUpload, pushBlob, randomBytes } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

type Bytes = Uint8Array<ArrayBuffer>;
const path = (session: string) => new URL(session).pathname;
const pull = async (name: string, digest: string) => (await fetch(`${server.url}/v2/${name}/blobs/${digest}`)).bytes();
const patch = (session: string, body: Bytes | string, range?: string) =>
  fetch(session, { method: 'PATCH', body, ...(range !== undefined && { headers: { 'Content-Range': range } }) });
const put = (session: string, digest: string, body?: Bytes | string, range?: string) =>
  fetch(`${session}?digest=${digest}`, {
    method: 'PUT',
    ...(body !== undefined && { body }),
    ...(range !== undefined && { headers: { 'Content-Range': range } }),
  });

describe.each<Algorithm>(['sha256', 'sha512'])('%s', (algorithm) => {
  const first = randomBytes(100_000);
  const second = randomBytes(50_000);
  const whole = new Uint8Array([...first, ...second]);
  const digest = digestOf(whole, algorithm);

  async function expectCreated(name: string, answer: Response): Promise<void> {
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v2/${name}/blobs/${digest}`);
    expect(answer.headers.get('docker-content-digest')).toBe(digest);
    expect(Buffer.from(await pull(name, digest)).equals(Buffer.from(whole))).toBe(true);
  }

  test('one POST with the blob', async () => {
    const url = `${server.url}/v2/${algorithm}/post/blobs/uploads/?digest=${digest}`;
    await expectCreated(`${algorithm}/post`, await fetch(url, { method: 'POST', body: whole }));
  });

  test('POST, then PUT', async () => {
    const session = await openUpload(server.url, `${algorithm}/put`);
    await expectCreated(`${algorithm}/put`, await put(session, digest, whole));
  });

  test('POST with digest-algorithm, a stream of PATCHes without Content-Range, then an empty PUT', async () => {
    const session = await openUpload(server.url, `${algorithm}/stream`, `?digest-algorithm=${algorithm}`);
    for (const body of [first, second]) expect((await patch(session, body)).status).toBe(202);
    await expectCreated(`${algorithm}/stream`, await put(session, digest));
  });

  test('lesson 6: chunks without a word of the algorithm, which only the PUT names', async () => {
    const session = await openUpload(server.url, `${algorithm}/chunks`);
    expect((await patch(session, first, `0-${first.length - 1}`)).status).toBe(202);
    expect((await patch(session, second, `${first.length}-${whole.length - 1}`)).status).toBe(202);
    await expectCreated(`${algorithm}/chunks`, await put(session, digest));
  });

  test('lesson 7: the last chunk comes with the PUT, where its Content-Range is checked', async () => {
    const session = await openUpload(server.url, `${algorithm}/last`);
    await patch(session, first, `0-${first.length - 1}`);
    const early = await put(session, digest, second, `${first.length - 1}-${whole.length - 2}`);
    expect(early.status).toBe(416);
    expect(early.headers.get('range')).toBe(`0-${first.length - 1}`);
    await expectCreated(`${algorithm}/last`, await put(session, digest, second, `${first.length}-${whole.length - 1}`));
  });

  test('lesson 7: after a PUT with a wrong digest the session is as it was, and the next one succeeds', async () => {
    const session = await openUpload(server.url, `${algorithm}/again`);
    await patch(session, first);
    expect((await put(session, digestOf('else', algorithm), second)).status).toBe(400);
    expect((await fetch(session)).headers.get('range')).toBe(`0-${first.length - 1}`);
    await expectCreated(`${algorithm}/again`, await put(session, digest, second));
  });
});

describe('lesson 2: the Range of an upload', () => {
  test('is 0-0 when there is nothing, then 0-<last byte of all>, without a unit', async () => {
    const opened = await fetch(`${server.url}/v2/range/blobs/uploads/`, { method: 'POST' });
    expect(opened.headers.get('range')).toBe('0-0');
    const session = new URL(opened.headers.get('location')!, server.url).href;
    expect((await fetch(session)).headers.get('range')).toBe('0-0');
    expect((await patch(session, 'hello')).headers.get('range')).toBe('0-4');
    expect((await patch(session, 'world!')).headers.get('range')).toBe('0-10');
    expect((await patch(session, '')).headers.get('range')).toBe('0-10');
  });
});

describe('lesson 12: the empty blob and {} are blobs like any other', () => {
  test.each(['', '{}'])('%p', async (content) => {
    const digest = digestOf(content);
    const name = `small/${content.length}`;
    expect(await pushBlob(server.url, name, content)).toBe(digest);
    const answer = await fetch(`${server.url}/v2/${name}/blobs/${digest}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe(String(content.length));
    expect(await answer.text()).toBe(content);
    const head = await fetch(`${server.url}/v2/${name}/blobs/${digest}`, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(content.length));
  });

  test.each(['Content-Length: 0', 'Transfer-Encoding: chunked', 'Accept: */*'])(
    'closed with %s and no body',
    async (header) => {
      const session = path(await openUpload(server.url, 'small/none'));
      using connection = await openRaw(portOf(server.url));
      const end = header.startsWith('Transfer') ? '0\r\n\r\n' : '';
      connection.socket.write(
        asOperator(server.url, requestText('PUT', `${session}?digest=${digestOf('')}`, ['Host: localhost', header])) +
          end,
      );
      expect(await connection.until((text) => text.includes('\r\n\r\n'))).toStartWith('HTTP/1.1 201 ');
    },
  );
});

test('lesson 14: every Location is a path', async () => {
  const bytes = randomBytes(10);
  const url = `${server.url}/v2/location/blobs/uploads`;
  const opened = await fetch(url, { method: 'POST' });
  const session = opened.headers.get('location')!;
  const locations = [
    session,
    (await patch(server.url + session, bytes)).headers.get('location'),
    (await fetch(server.url + session)).headers.get('location'),
    (await put(server.url + session, digestOf(bytes))).headers.get('location'),
    (await fetch(`${url}?mount=${digestOf(bytes)}`, { method: 'POST' })).headers.get('location'),
  ];
  for (const location of locations) expect(location).toMatch(/^\/v2\/location\/blobs\//);
});

test('POST without the final slash, and with a body that nobody asked for, opens a session', async () => {
  const answer = await fetch(`${server.url}/v2/slash/blobs/uploads`, { method: 'POST', body: 'surprise' });
  expect(answer.status).toBe(202);
  const status = await fetch(new URL(answer.headers.get('location')!, server.url));
  expect(status.headers.get('range')).toBe('0-0');
});

test('HEAD of a session says what GET says', async () => {
  const session = await openUpload(server.url, 'head');
  await patch(session, 'hello');
  const answer = await fetch(session, { method: 'HEAD' });
  expect(answer.status).toBe(204);
  expect(answer.headers.get('range')).toBe('0-4');
});

test('lesson 1: a large upload is answered soon after its last byte', async () => {
  const session = await openUpload(server.url, 'large');
  const body = randomBytes(64 * 2 ** 20);
  const digest = digestOf(body);
  let sentAt = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const at = sentBytes;
      if (at >= body.length) {
        sentAt = performance.now();
        controller.close();
        return;
      }
      controller.enqueue(body.subarray(at, at + 2 ** 20));
      sentBytes += 2 ** 20;
    },
  });
  let sentBytes = 0;
  expect((await fetch(session, { method: 'PATCH', body: stream })).status).toBe(202);
  expect(performance.now() - sentAt).toBeLessThan(10_000);
  const before = performance.now();
  expect((await put(session, digest)).status).toBe(201);
  expect(performance.now() - before).toBeLessThan(10_000);
});
