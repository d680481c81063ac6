import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'bun:test';
import { testdata } from '../../../test/support/testdata.ts';
import { compareVersions } from '../index.ts';

/** Lines such as `1.0 < 1.1`; comments and empty lines are none. */
function comparisons(text: string): [a: string, sign: string, b: string][] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^(?:#|\/\/)/.test(line))
    .map((line) => /^(.*) ([<=>]) (.*)$/.exec(line.trim())!)
    .map(([, a, sign, b]) => [a!, sign!, b!]);
}

const signOf = (order: number) => (order < 0 ? '<' : order > 0 ? '>' : '=');
const turned: Readonly<Record<string, string>> = { '<': '>', '=': '=', '>': '<' };

/** Those lines whose answer is another one, or depends on the side from which it is asked. */
function wrong(ecosystem: string, lines: [a: string, sign: string, b: string][]): string[] {
  return lines
    .filter(
      ([a, sign, b]) =>
        signOf(compareVersions(ecosystem, a, b)) !== sign || signOf(compareVersions(ecosystem, b, a)) !== turned[sign],
    )
    .map((line) => line.join(' '));
}

describe('every line is right:', () => {
  const files: [file: string, ecosystem: string, lines: number][] = [
    ['alpine-versions', 'Alpine', 778],
    ['alpine-versions-generated', 'Alpine', 13_979],
    ['debian-versions', 'Debian', 30],
    ['debian-versions-generated', 'Debian', 14_442],
    ['maven-versions', 'Maven', 102],
    ['maven-versions-generated', 'Maven', 14_752],
    ['pypi-versions', 'PyPI', 37],
    ['pypi-versions-generated', 'PyPI', 12_375],
    ['redhat-versions', 'Red Hat', 165],
    ['rubygems-versions', 'RubyGems', 25],
    ['semver-versions', 'npm', 86],
  ];
  for (const [name, ecosystem, lines] of files) {
    const file = testdata(`version-order/${name}.txt`);
    test.skipIf(file === undefined)(`${name}.txt, ${lines} comparisons as ${ecosystem} has them`, () => {
      const all = comparisons(readFileSync(file!, 'utf8'));
      expect(wrong(ecosystem, all)).toEqual([]);
      expect(all).toHaveLength(lines);
      console.log(`version-order/${name}.txt: ${all.length} of ${all.length} right`);
    });
  }
});

describe('what the files do not have:', () => {
  const cases: Record<string, string> = {
    Go: `
      v1.2.3 = 1.2.3
      v2.0.0+incompatible = v2.0.0
      v2.0.0+incompatible < v2.0.1+incompatible
      v0.0.0-20190101000000-abcdefabcdef < v0.0.0-20200101000000-000000000000
      v0.9.1-0.20170424173420-06e7a29f36a3 < v0.9.1
      v0.9.0 < v0.9.1-0.20170424173420-06e7a29f36a3
      1.19.8 < 1.19.9
      1.9 < 1.19
      go1.19.8 = 1.19.8
      go1.22rc1 = 1.22.0-rc.1
      go1.22rc2 < 1.22
      1.22.0-0 < go1.22beta1
      go1.22beta1 < go1.22rc1
      go1.22.8 X:nocoverageredesign = 1.22.8
      (devel) < v0.0.1`,
    'crates.io': '1.0.0-alpha < 1.0.0\n1.2 = 1.2.0\n0.10.0 > 0.9.9',
    Hex: '1.0.0-rc.1 < 1.0.0',
    Pub: '1.2.3+1 > 1.2.3\n1.2.3+2 > 1.2.3+1\n1.2.3-dev < 1.2.3',
    NuGet: '1.0 = 1.0.0.0\n1.0.0.1 > 1.0.0\n1.0.0-Beta = 1.0.0-beta\n1.0.0-beta.2 < 1.0.0-beta.11\n1.0.0+a = 1.0.0+b',
    RubyGems:
      '1.0.0 = 1\n1.0.0-java < 1.0.0\n1.0.a < 1.0\n1.a.0.b < 1.a\n1.a.0.1 > 1.a\n1.a.0.b > 1.a.a\n1.a.0.1 < 1.a.1',
    Packagist: `
      1.0 = v1.0.0
      1.0.0-dev < 1.0.0-alpha1
      1.0.0-alpha1 < 1.0.0-beta1
      1.0.0-beta1 < 1.0.0-RC1
      1.0.0-RC1 < 1.0.0
      v1.0-beta2 < 1.0.0-beta10
      1.0.0 < 1.0.0-p1
      1.0.0-patch1 < 1.0.1
      5.1.0-stable = 5.1.0
      dev-main < 0.0.1`,
    CRAN: '1.0 < 1.0.0\n1.0-1 = 1.0.1\n2.9-10 > 2.9-9',
    Hackage: '1.2 < 1.2.0\n1.10 > 1.9',
    Debian: '1.0~rc1 < 1.0\n1:0.1 > 2.0\n1.0+dfsg > 1.0\n1.0-1~deb12u1 < 1.0-1\n1.1.1n-0+deb11u5 > 1.1.1n-0+deb11u4',
    Ubuntu: '3.0.2-0ubuntu1.9 < 3.0.2-0ubuntu1.10',
    Wolfi: '1.2.3-r0 < 1.2.3-r1\n3.1.4_rc1-r0 < 3.1.4-r0\n1.0_p1 > 1.0',
    'Photon OS': '1.2.3-4.ph5 < 1.2.3-10.ph5',
    'Nobody knows it': '1.10 > 1.9\n1.0 = 1.0',
    PyPI: '1.0 = 1.0.0\n1.0.post1 > 1.0\n1.0+abc > 1.0\nv1.0 = 1.0\n1.0c1 = 1.0rc1\n1!0.1 > 9\n1.0.dev1 < 1.0a1.dev1\nfoo < 0',
    Maven:
      '2.0.rc1 < 2.0\n2.0 < 2.0-1\n2.0-1 < 2.0.rc1\n2.17.1 > 2.17.0-beta9\n1.0.RELEASE = 1.0\n31.1-jre > 31.1-android',
  };
  for (const [ecosystem, text] of Object.entries(cases)) {
    test(ecosystem, () => expect(wrong(ecosystem, comparisons(text))).toEqual([]));
  }
});
