import { expect, test } from 'bun:test';
import { hostOf, targetOf } from './target.ts';

const host = (value?: string) =>
  hostOf(new Request('http://x', { headers: value === undefined ? {} : { Host: value } }));

test.each([
  ['http://localhost/v2/?a=b?c', '/v2/', 'a=b?c'],
  ['http://localhost//v2/', '//v2/', ''],
  ['http://[::1]/', '/', ''],
  // Where Bun cannot read the Host header it gives the target alone.
  ['/healthz?x', '/healthz', 'x'],
  ['//a/b', '//a/b', ''],
  // CONNECT names no path.
  ['localhost:80', '', ''],
  ['http://localhost', '', ''],
])('targetOf(%s) is path %s, query %s', (url, path, query) => {
  expect(targetOf(url)).toEqual({ path, query });
});

test.each([
  ['localhost', 'localhost'],
  ['LOCALHOST:5000', 'localhost'],
  ['127.0.0.1:5000', '127.0.0.1'],
  ['[::1]:5000', '::1'],
  ['[::FFFF:127.0.0.1]', '::ffff:127.0.0.1'],
  ['team_a.example.com', 'team_a.example.com'],
])('hostOf(%s) is %s', (header, expected) => {
  expect(host(header)).toBe(expected);
});

test('a Host is read the same however often it comes, and whatever comes in between', () => {
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < 250; n++) expect(host(`R${n}.example.com:5000`)).toBe(`r${n}.example.com`);
    for (let n = 0; n < 2; n++) expect(() => host('a, b')).toThrow('exactly one valid Host header');
  }
});

test.each([
  undefined,
  '',
  'a, b',
  'localhost,localhost',
  'user@localhost',
  'localhost/path',
  'local host',
  'localhost:',
  'localhost:port',
  'localhost:99999',
  '::1',
  '[::1',
  '[127.0.0.1]',
  '[1:2]',
  '999.999.999.999',
  '127.1',
  'a.1.',
  'a'.repeat(254),
])('the Host %p is refused', (header) => {
  expect(() => host(header)).toThrow('exactly one valid Host header');
});
