import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { processorMs } from '../../test/support/processor.ts';
import { RegistryError } from '../errors/index.ts';
import { isRepositoryName } from '../oci/index.ts';
import { matchRoute, type Route } from './match.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 2000);

/** Words that also stand between the parts of a path: names may consist of them. */
const words = ['blobs', 'manifests', 'tags', 'uploads', 'referrers', 'list', 'v2', 'a', 'b-c', 'd.e', 'f__g'];
const names = fc
  .array(fc.oneof(fc.constantFrom(...words), fc.stringMatching(/^[a-z0-9]{1,8}$/)), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join('/'));
const digests = fc
  .tuple(fc.constantFrom<[string, number]>(['sha256', 64], ['sha512', 128]), fc.infiniteStream(fc.nat(15)))
  .map(
    ([[algorithm, length], stream]) =>
      `${algorithm}:${[...stream.take(length)].map((digit) => digit.toString(16)).join('')}`,
  );
const tags = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/);
const ids = fc.stringMatching(/^[0-9a-f]{32}$/);

const routes: fc.Arbitrary<[path: string, route: Route]> = fc.oneof(
  fc.constantFrom<[string, Route]>(
    ['/v2', { kind: 'base' }],
    ['/v2/', { kind: 'base' }],
    ['/v2/_catalog', { kind: 'catalog' }],
  ),
  names.map((name): [string, Route] => [`/v2/${name}/tags/list`, { kind: 'tags', name }]),
  fc
    .tuple(names, fc.oneof(tags, digests))
    .map(([name, reference]): [string, Route] => [
      `/v2/${name}/manifests/${reference}`,
      { kind: 'manifest', name, reference },
    ]),
  fc
    .tuple(names, digests)
    .map(([name, digest]): [string, Route] => [`/v2/${name}/blobs/${digest}`, { kind: 'blob', name, digest }]),
  fc
    .tuple(names, digests)
    .map(([name, digest]): [string, Route] => [`/v2/${name}/referrers/${digest}`, { kind: 'referrers', name, digest }]),
  fc
    .tuple(names, fc.boolean())
    .map(([name, slash]): [string, Route] => [
      `/v2/${name}/blobs/uploads${slash ? '/' : ''}`,
      { kind: 'uploads', name },
    ]),
  fc
    .tuple(names, ids)
    .map(([name, id]): [string, Route] => [`/v2/${name}/blobs/uploads/${id}`, { kind: 'upload', name, id }]),
);

test('every path of the API leads to its route, whatever words the name consists of', () => {
  fc.assert(
    fc.property(routes, ([path, route]) => {
      expect(matchRoute(path)).toEqual(route);
    }),
    { numRuns },
  );
});

test('a digest may come with its colon encoded', () => {
  fc.assert(
    fc.property(names, digests, fc.constantFrom('%3a', '%3A'), (name, digest, colon) => {
      expect(matchRoute(`/v2/${name}/blobs/${digest.replace(':', colon)}`)).toEqual({ kind: 'blob', name, digest });
    }),
    { numRuns },
  );
});

test('a name may come with its slashes encoded, which changes nothing', () => {
  fc.assert(
    fc.property(names, digests, fc.constantFrom('%2f', '%2F'), (name, digest, slash) => {
      const path = `/v2/${name.replaceAll('/', slash)}/manifests/${digest}`;
      expect(matchRoute(path)).toEqual({ kind: 'manifest', name, reference: digest });
    }),
    { numRuns },
  );
});

/** Paths of the right words in the wrong places, and of anything. */
const anyPath = fc.oneof(
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...words, '', '..', '.', '%2F', '%00', '%2e%2e', '_catalog', '\\', 'A', 'ä', '*'),
        fc.string({ maxLength: 6 }),
      ),
      {
        maxLength: 10,
      },
    )
    .map((parts) => `/v2/${parts.join('/')}`),
  fc.string({ maxLength: 200 }),
  fc
    .tuple(fc.constantFrom('a', '/', 'a/', '%2F', '-', 'a-'), fc.nat(3000))
    .map(([part, count]) => `/v2/${part.repeat(count)}/tags/list`),
);

test('no path gives anything but a route with a valid name, nothing, or NAME_INVALID', () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      let route: Route | undefined;
      try {
        route = matchRoute(path);
      } catch (error) {
        expect(error).toBeInstanceOf(RegistryError);
        expect((error as RegistryError).code).toBe('NAME_INVALID');
        return;
      }
      if (route && 'name' in route) expect(isRepositoryName(route.name)).toBe(true);
    }),
    { numRuns },
  );
});

test('the time that a path takes does not depend on how it was made', () => {
  const hostile = ['a-'.repeat(500_000), 'a/'.repeat(500_000), '/'.repeat(1_000_000), `${'a'.repeat(1_000_000)}!`];
  const needed = processorMs(() => {
    for (const middle of hostile) {
      try {
        matchRoute(`/v2/${middle}/manifests/x`);
      } catch {
        // Refused, which is right.
      }
    }
  });
  expect(needed).toBeLessThan(500);
});
