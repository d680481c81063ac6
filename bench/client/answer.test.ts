import { expect, test } from 'bun:test';
import { headerOf, readAnswer } from './answer.ts';

/** Reads it whole, and byte by byte; both must say the same. */
function read(method: string, text: string) {
  const bytes = Buffer.from(text, 'latin1');
  const atOnce = readAnswer(method, true).read(bytes);
  const reader = readAnswer(method, true);
  const each = [...bytes.keys()].map((at) => reader.read(bytes.subarray(at, at + 1)));
  const whole = each.findIndex((answer) => answer !== undefined);
  const slowly = each[whole];
  expect(slowly?.body).toEqual(atOnce?.body as Buffer);
  return { answer: atOnce, after: whole + 1, reader };
}

test('a body of a known length', () => {
  const { answer, after } = read('GET', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello');
  expect(answer).toMatchObject({ status: 200, length: 5, body: Buffer.from('hello') });
  expect(headerOf(answer!, 'x-a')).toBe('b');
  expect(headerOf(answer!, 'location')).toBe('');
  expect(after).toBe(53);
});

test('no body after HEAD, 204 and 304, whatever the length says', () => {
  expect(read('HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n').answer).toMatchObject({ length: 0 });
  expect(read('DELETE', 'HTTP/1.1 204 No Content\r\n\r\n').answer).toMatchObject({ status: 204, length: 0 });
  expect(read('GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n').answer).toMatchObject({ length: 0 });
});

test('chunks, extensions and trailers', () => {
  const text =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n, my world\r\n0\r\nX: y\r\n\r\n';
  const { answer, after } = read('GET', text);
  expect(answer!.body.toString()).toBe('hello, my world');
  expect(after).toBe(text.length);
});

test('the answer behind 100 Continue is the answer', () => {
  const text = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n';
  expect(read('PUT', text).answer).toMatchObject({ status: 201 });
});

test('a body without length ends with the connection', () => {
  const reader = readAnswer('GET', true);
  expect(reader.read(Buffer.from('HTTP/1.1 200 OK\r\n\r\nhel'))).toBeUndefined();
  expect(reader.read(Buffer.from('lo'))).toBeUndefined();
  expect(reader.end()).toMatchObject({ length: 5, body: Buffer.from('hello') });
});

test('an answer that is cut is none', () => {
  const reader = readAnswer('GET', false);
  reader.read(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel'));
  expect(reader.end()).toBeUndefined();
});

test('what is only counted is not kept', () => {
  const answer = readAnswer('GET', false).read(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'));
  expect(answer).toMatchObject({ length: 2, body: Buffer.alloc(0) });
});

test('what is no HTTP is refused', () => {
  expect(() => readAnswer('GET', false).read(Buffer.from('SSH-2.0\r\n\r\n'))).toThrow('no answer of HTTP');
  expect(() => readAnswer('GET', false).read(Buffer.alloc(70_000, 'x'))).toThrow('no end');
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n';
  expect(() => readAnswer('GET', false).read(Buffer.from(chunked))).toThrow('no size');
});
