import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { maxPurlLength, type PackageUrl, parsePurl, purlOf } from './index.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 1_000);
const timeout = 5_000 + numRuns;

describe('the canonical form', () => {
  // [what is read, what is printed], after the purl specification's own examples.
  const cases: [string, string][] = [
    ['pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie', 'pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie'],
    ['pkg:deb/debian/attr@1:2.4.47-2?distro=wheezy', 'pkg:deb/debian/attr@1:2.4.47-2?distro=wheezy'],
    ['pkg:deb/debian/attr@1%3A2.4.47-2?distro=wheezy', 'pkg:deb/debian/attr@1:2.4.47-2?distro=wheezy'],
    ['pkg:npm/%40angular/animation@12.3.1', 'pkg:npm/%40angular/animation@12.3.1'],
    ['pkg:npm/@angular/animation@12.3.1', 'pkg:npm/%40angular/animation@12.3.1'],
    ['pkg:npm/@angular/animation', 'pkg:npm/%40angular/animation'],
    ['pkg:npm/foobar@12.3.1', 'pkg:npm/foobar@12.3.1'],
    [
      'pkg:golang/google.golang.org/genproto@abcdedf#/googleapis/api/annotations/',
      'pkg:golang/google.golang.org/genproto@abcdedf#googleapis/api/annotations',
    ],
    [
      'pkg:golang/github.com/Masterminds/semver@v3.0.0%2Bincompatible',
      'pkg:golang/github.com/masterminds/semver@v3.0.0%2Bincompatible',
    ],
    ['pkg:GEM/jruby-launcher@1.1.2?Platform=java', 'pkg:gem/jruby-launcher@1.1.2?platform=java'],
    ['pkg:PYPI/Django_package@1.11.1.dev1', 'pkg:pypi/django-package@1.11.1.dev1'],
    ['pkg:maven/org.apache.commons/io@1.3.4', 'pkg:maven/org.apache.commons/io@1.3.4'],
    [
      'pkg:Maven/org.apache.xmlgraphics/batik-anim@1.9.1?classifier=dist&repositorY_url=repo.spring.io/release',
      'pkg:maven/org.apache.xmlgraphics/batik-anim@1.9.1?classifier=dist&repository_url=repo.spring.io%2Frelease',
    ],
    [
      'pkg://rpm/fedora/curl@7.50.3-1.fc25?distro=fedora-25&arch=i386',
      'pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=fedora-25',
    ],
    ['pkg:nuget/EnterpriseLibrary.Common@6.0.1304', 'pkg:nuget/EnterpriseLibrary.Common@6.0.1304'],
    [
      'pkg:generic/openssl@1.1.10g?checksum=sha256:de4d501267da',
      'pkg:generic/openssl@1.1.10g?checksum=sha256:de4d501267da',
    ],
    ['pkg:composer/Laravel/Laravel@5.5.0', 'pkg:composer/laravel/laravel@5.5.0'],
    ['pkg:cargo/rand@0.7.2?empty=', 'pkg:cargo/rand@0.7.2'],
  ];
  for (const [text, canonical] of cases) {
    test(text, () => {
      expect(purlOf(parsePurl(text)!)).toBe(canonical);
    });
  }
});

test('what is no package URL is none', () => {
  const none = [
    '',
    'npm/foo',
    'pkg:',
    'pkg:npm',
    'pkg:npm/',
    'pkg:/@1',
    'pkg:9a/foo',
    'pkg:n&g/foo@0.0.1',
    'pkg:npm/foo@1%',
    'pkg:npm/foo?a=1&a=2',
    'pkg:npm/foo?in%20production=true',
    'EnterpriseLibrary.Common@6.0.1304',
    `pkg:npm/${'a'.repeat(maxPurlLength)}`,
  ];
  for (const text of none) expect({ text, parsed: parsePurl(text) }).toEqual({ text, parsed: undefined });
});

const part = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
);
const parts: fc.Arbitrary<PackageUrl> = fc.record(
  {
    type: fc.constantFrom('deb', 'npm', 'pypi', 'golang', 'maven', 'nuget', 'generic'),
    namespace: part,
    name: part,
    version: part,
    qualifiers: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9._-]{0,8}$/), fc.string({ maxLength: 8 }), {
      maxKeys: 3,
    }),
    subpath: part,
  },
  { requiredKeys: ['type', 'name'] },
);

test(
  'whatever a package is called, its URL is of plain characters, is read, and prints as it was',
  () => {
    fc.assert(
      fc.property(parts, (given) => {
        const text = purlOf(given);
        expect(text).toMatch(/^pkg:[!-~]+$/);
        const read = parsePurl(text)!;
        expect(purlOf(read)).toBe(text);
        expect(read.version ?? '').toBe((given.version ?? '').toWellFormed());
      }),
      { numRuns },
    );
  },
  timeout,
);

test(
  'any text is read or is none, without an error',
  () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string().map((rest) => `pkg:npm/${rest}`),
        ),
        (text) => {
          const read = parsePurl(text);
          if (read) expect(parsePurl(purlOf(read))).toEqual(read);
        },
      ),
      { numRuns },
    );
  },
  timeout,
);

test('a hostile package URL is read in time that grows with its length alone', () => {
  const started = performance.now();
  for (const piece of ['@', '/', '%40', '?', '#', 'a=1&', ':', '//@']) {
    parsePurl(`pkg:npm/${piece.repeat(maxPurlLength / 4)}`.slice(0, maxPurlLength));
  }
  expect(performance.now() - started).toBeLessThan(2_000);
});
