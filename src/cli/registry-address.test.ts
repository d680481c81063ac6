import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { registryAddress, shown } from './registry-address.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 500);

test.each([
  ['127.0.0.1:5000', '127.0.0.1:5000', 'http://127.0.0.1:5000', true],
  ['LOCALHOST:5000', 'localhost:5000', 'http://localhost:5000', true],
  ['shop.localhost', 'shop.localhost', 'http://shop.localhost', true],
  ['[::1]:5000', '[::1]:5000', 'http://[::1]:5000', true],
  ['https://127.0.0.1:5000', '127.0.0.1:5000', 'https://127.0.0.1:5000', true],
  ['Registry.Example.com', 'registry.example.com', 'https://registry.example.com', false],
  ['registry.example.com:443', 'registry.example.com:443', 'https://registry.example.com', false],
  ['https://registry.example.com:8443/', 'registry.example.com:8443', 'https://registry.example.com:8443', false],
  ['http://10.0.0.1:5000', '10.0.0.1:5000', 'http://10.0.0.1:5000', false],
  // Only looks as if it were here.
  ['127.0.0.1.example.com', '127.0.0.1.example.com', 'https://127.0.0.1.example.com', false],
  ['localhost.example.com', 'localhost.example.com', 'https://localhost.example.com', false],
])('%s is %s at %s', (typed, host, origin, isHere) => {
  expect(registryAddress(typed)).toEqual({ host, origin, authority: new URL(origin).host, isHere });
});

test('plain http is for this machine, and for what is named', () => {
  expect(registryAddress('registry.test', { plainHttp: true }).origin).toBe('http://registry.test');
  expect(registryAddress('https://registry.test', { plainHttp: true }).origin).toBe('https://registry.test');
});

test.each([
  '',
  ' ',
  'a b',
  'user@host',
  'host/path',
  'ftp://host',
  '-host',
  'host:',
  'host:123456',
  'ho\u001bst',
  '[::1',
])('%p is no registry', (typed) => expect(() => registryAddress(typed)).toThrow('is no registry; write its host'));

test('whatever is typed, it is an address or a sentence', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.domain(), fc.ipV4(), fc.string({ unit: 'binary' })), (typed) => {
      try {
        const { host, origin, authority } = registryAddress(typed);
        expect(typed.toLowerCase()).toContain(host);
        expect(new URL(origin).host).toBe(authority);
        expect(/[\s@/?#\\]/.test(host)).toBe(false);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.includes('is no registry')) throw error;
        expect(error.message).toBe(shown(error.message.slice(0, 499)) + error.message.slice(499));
      }
    }),
    { numRuns },
  );
});
