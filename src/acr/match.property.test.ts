import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { RegistryError } from '../errors/index.ts';
import { isRepositoryName } from '../oci/index.ts';
import { matchRoute, type Route } from './match.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 2000);

/** Words that also stand between the parts of a path: names may consist of them. */
const words = ['tags', 'manifests', 'catalog', 'acr', 'v1', 'a', 'b-c', 'd.e', 'f__g'];
const names = fc
  .array(fc.oneof(fc.constantFrom(...words), fc.stringMatching(/^[a-z0-9]{1,8}$/)), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join('/'));
const tags = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
  fc.constantFrom('_tags', '_manifests', '_metadata'),
);
const digest = `sha256:${'0a'.repeat(32)}`;
const slashes = fc.constantFrom('/', '%2f', '%2F');

const routes: fc.Arbitrary<[path: string, route: Route]> = fc
  .tuple(names, slashes, tags, fc.constantFrom(':', '%3a', '%3A'))
  .chain(([name, slash, tag, colon]) => {
    const at = `/acr/v1/${name.replaceAll('/', slash)}`;
    const deleted = `/acr/v1/_deleted/${name.replaceAll('/', slash)}`;
    return fc.constantFrom<[string, Route]>(
      ['/acr/v1/_catalog', { kind: 'catalog' }],
      ['/acr/v1/_metadata/_query', { kind: 'query-all' }],
      [`${at}/_metadata/_query`, { kind: 'query', name }],
      [at, { kind: 'repository', name }],
      [`${at}/_tags`, { kind: 'tags', name }],
      [`${at}/_tags/${tag}`, { kind: 'tag', name, tag }],
      [`${at}/_manifests`, { kind: 'manifests', name }],
      [`${at}/_manifests/${digest.replace(':', colon)}`, { kind: 'manifest', name, digest }],
      ['/acr/v1/_deleted/_catalog', { kind: 'deleted-catalog' }],
      [`${deleted}/_manifests`, { kind: 'deleted-manifests', name }],
      [`${deleted}/_tags`, { kind: 'deleted-tags', name }],
      [`${deleted}/_manifests/${digest.replace(':', colon)}`, { kind: 'deleted-manifest', name, digest }],
      [`${at}/_metadata`, { kind: 'metadata', name, of: 'repository', reference: '' }],
      [`${at}/_tags/${tag}/_metadata`, { kind: 'metadata', name, of: 'tag', reference: tag }],
      [`${at}/_metadata/key`, { kind: 'metadata-key', name, of: 'repository', reference: '', key: 'key' }],
      [`${at}/_tags/${tag}/_metadata/key`, { kind: 'metadata-key', name, of: 'tag', reference: tag, key: 'key' }],
      [
        `${at}/_manifests/${digest.replace(':', colon)}/_metadata/key`,
        { kind: 'metadata-key', name, of: 'manifest', reference: digest, key: 'key' },
      ],
    );
  });

test('every path of the API leads to its route, whatever words the name consists of, and however it is encoded', () => {
  fc.assert(
    fc.property(routes, ([path, route]) => {
      expect(matchRoute(path)).toEqual(route);
    }),
    { numRuns },
  );
});

test('no path gives anything but a route with a valid name, nothing, or NAME_INVALID', () => {
  const parts = fc.oneof(
    fc.constantFrom(
      ...words,
      '',
      '..',
      '.',
      '%2F',
      '%00',
      '_tags',
      '_manifests',
      '_catalog',
      '_metadata',
      '_query',
      '_deleted',
      'A',
    ),
    fc.string({ maxLength: 6 }),
  );
  const anyPath = fc.oneof(
    fc.array(parts, { maxLength: 10 }).map((all) => `/acr/v1/${all.join('/')}`),
    fc.string({ maxLength: 200 }),
    fc.tuple(fc.constantFrom('a', '/', 'a/', '%2F', '-'), fc.nat(3000)).map(([part, n]) => `/acr/v1/${part.repeat(n)}`),
  );
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

test.each([
  '/acr/v1',
  '/acr/v1/_deleted/_tags',
  '/acr/v1/_deleted/a/_tags/v1',
  '/acr/v1/a/_metadata_/key',
  '/acr/v1/a/_metadata/_query/x',
  '/v2/a',
])('%s is not of what is served', (path) => expect(matchRoute(path)).toBeUndefined());
