import { expect, test } from 'bun:test';
import { createAllowance } from './allowance.ts';
import { outboundConfig } from './config.ts';

const allowance = createAllowance(['idp.corp', '10.1.0.0/16', '169.254.169.254', 'fd00:1::/32', '0.0.0.0/0']);

test.each([
  ['idp.corp', '127.0.0.1', undefined],
  ['idp.corp', '192.168.1.1', undefined],
  ['idp.corp', 'fd12::1', undefined],
  ['idp.corp', 'fe80::1', 'link_local'],
  ['idp.corp', '::ffff:127.0.0.1', 'transition'],
  ['any.example', '93.184.215.14', undefined],
  ['any.example', '10.1.2.3', undefined],
  ['any.example', '169.254.169.254', undefined],
  ['any.example', 'fd00:1::5', undefined],
  ['any.example', 'fd00:2::5', 'unique_local'],
  // A range of everything is not one of these.
  ['any.example', '0.0.0.0', 'unspecified'],
  ['any.example', '255.255.255.255', 'broadcast'],
  ['any.example', '224.0.0.1', 'multicast'],
  ['any.example', '::ffff:10.1.2.3', 'transition'],
  ['any.example', 'nonsense', 'malformed'],
])('%s at %s: %p', (host, address, refusal) => {
  expect(allowance.refusal(host, address)).toBe(refusal as ReturnType<typeof allowance.refusal>);
});

test('a named host does not open its addresses to other names, nor its link-local ones to itself', () => {
  const narrow = createAllowance(['idp.corp']);
  expect(narrow.refusal('idp.corp', '10.0.0.1')).toBeUndefined();
  expect(narrow.refusal('idp.corp', '169.254.169.254')).toBe('link_local');
  expect(narrow.refusal('idp.corp', '168.63.129.16')).toBe('metadata');
  expect(narrow.refusal('other.corp', '10.0.0.1')).toBe('private');
  expect(narrow.refusal('sub.idp.corp', '10.0.0.1')).toBe('private');
});

test('plain http only where the host itself is written in the list', () => {
  const narrow = createAllowance(['idp.corp', '10.1.0.0/16']);
  expect(['idp.corp', '10.1.2.3', '10.2.0.1', 'any.example'].map(narrow.plain)).toEqual([true, true, false, false]);
});

test.each(['10.0.0.0/33', '10.0.0.300', '0x7f.1', 'http://idp.corp', 'idp.corp:80', '*', '*.corp', ''])(
  'the setting refuses %p',
  (entry) => {
    expect(outboundConfig.safeParse({ allow: [entry] }).success).toBe(false);
  },
);

test('the setting takes names, addresses and ranges', () => {
  const allow = ['IdP.corp', '10.0.0.0/8', 'fd00::/8', '127.0.0.1', '::1'];
  expect(outboundConfig.parse({ allow })).toEqual({ allow: ['idp.corp', ...allow.slice(1)], ca: [] });
});
