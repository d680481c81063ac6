import { expect, test } from 'bun:test';
import { createHostTable, isLoopback } from './hosts.ts';

const table = (registries = [{ id: 2, name: 'team-a', hosts: ['images.example.com'] }]) =>
  createHostTable({
    registries: [{ id: 1, name: 'default', hosts: [] }, ...registries],
    defaultRegistry: 1,
    domain: 'registry.example.com',
    defaultHosts: ['cache.example.com'],
  });

test.each([
  ['localhost', 1],
  ['127.0.0.1', 1],
  ['10.1.2.3', 1],
  ['::1', 1],
  ['2001:db8::1', 1],
  ['cache.example.com', 1],
  ['registry.example.com', 1],
  ['default.registry.example.com', 1],
  ['default.localhost', 1],
  ['team-a.registry.example.com', 2],
  ['team-a.localhost', 2],
  ['images.example.com', 2],
])('the host %s means registry %i', (host, id) => {
  expect(table().registryOf(host)).toBe(id);
});

test.each([
  'evil.example.com',
  'team-b.registry.example.com',
  'team-b.localhost',
  'example.com',
  'localhost.',
  '0x7f.1',
  '',
])('the host %p is refused', (host) => expect(() => table().registryOf(host)).toThrow('not configured here'));

test('two registries with one name are a mistake of the configuration', () => {
  const twice = [
    { id: 2, name: 'a', hosts: ['images.example.com'] },
    { id: 3, name: 'b', hosts: ['images.example.com'] },
  ];
  expect(() => table(twice)).toThrow('images.example.com');
});

test.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['127.example.com', false],
])('isLoopback(%s) is %p', (host, expected) => expect(isLoopback(host)).toBe(expected));
