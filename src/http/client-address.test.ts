import { expect, test } from 'bun:test';
import { canonicalAddress, createClientAddresses } from './client-address.ts';

const proxies = ['10.0.0.0/8', '192.168.1.1', 'fd00::/8', '::1'];

test.each<[why: string, trusted: string[], socket: string, forwarded: string | null, client: string]>([
  ['no proxy is trusted', [], '10.0.0.1', '1.2.3.4', '10.0.0.1'],
  ['the socket is no trusted proxy', proxies, '8.8.8.8', '1.2.3.4', '8.8.8.8'],
  ['the proxy sends no header', proxies, '10.0.0.1', null, '10.0.0.1'],
  ['one trusted proxy', proxies, '10.0.0.1', '1.2.3.4', '1.2.3.4'],
  ['a chain of trusted proxies', proxies, '10.0.0.1', '1.2.3.4, 192.168.1.1, fd00::7', '1.2.3.4'],
  ['what a client invents before its own address', proxies, '10.0.0.1', '6.6.6.6, 1.2.3.4', '1.2.3.4'],
  ['an invented chain of trusted addresses', proxies, '10.0.0.1', '6.6.6.6, 10.9.9.9, 1.2.3.4, 10.0.0.2', '1.2.3.4'],
  ['what is no address', proxies, '10.0.0.1', '1.2.3.4, unknown', '10.0.0.1'],
  ['an empty header', proxies, '10.0.0.1', '', '10.0.0.1'],
  ['addresses with ports', proxies, '10.0.0.1', '1.2.3.4:5678, 10.0.0.3:80', '1.2.3.4'],
  ['IPv6 with a port', proxies, '::1', '[2001:DB8::1]:443', '2001:db8::1'],
  ['a dual-stack socket', proxies, '::ffff:10.0.0.1', '::ffff:1.2.3.4', '1.2.3.4'],
  ['a socket that is gone', proxies, '', '1.2.3.4', ''],
])('the client of %s', (_, trusted, socket, forwarded, client) => {
  expect(createClientAddresses(trusted).of(socket, forwarded)).toBe(client);
});

test('a header of thousands of hops is read from its end only', () => {
  const forwarded = `${'6.6.6.6, '.repeat(100_000)}1.2.3.4`;
  expect(createClientAddresses(['10.0.0.0/8']).of('10.0.0.1', forwarded)).toBe('1.2.3.4');
});

test('IPv4 has one form', () => {
  expect(canonicalAddress('::FFFF:127.0.0.1')).toBe('127.0.0.1');
  expect(canonicalAddress('::ffff:7f00:1')).toBe('::ffff:7f00:1');
  expect(canonicalAddress('FE80::1')).toBe('fe80::1');
});
