import { describe, expect, test } from 'bun:test';
import { arePlacesSame, compareLists } from './differences.ts';
import { type Compared, explain } from './explain.ts';
import { type Listed, listedOf, withoutRepeats } from './listed.ts';
import { differingParts } from './purl-parts.ts';
import { readSyft } from './read-syft.ts';
import { readTrivy } from './read-trivy.ts';
import { render } from './render.ts';
import { purlRules, type Rule, rules } from './rules.ts';

const listed = (purl: string, ...paths: string[]): Listed => listedOf(purl, { paths })!;

describe('a list', () => {
  test('has epochs in versions, wherever the package URL has them', () => {
    expect(listed('pkg:deb/debian/vim@9.0.1-1?epoch=2')).toMatchObject({ name: 'vim', version: '2:9.0.1-1' });
    expect(listed('pkg:deb/debian/vim@2:9.0.1-1')).toMatchObject({ name: 'vim', version: '2:9.0.1-1' });
    expect(listed('pkg:deb/debian/curl@7.88.1-10?epoch=0')).toMatchObject({ version: '7.88.1-10' });
  });

  test('has one package for all files that name it', () => {
    expect(
      withoutRepeats([listed('pkg:npm/a@1', 'y'), listed('pkg:npm/b@1', 'z'), listed('pkg:npm/a@1', 'x')]),
    ).toEqual([listed('pkg:npm/a@1', 'x', 'y'), listed('pkg:npm/b@1', 'z')]);
  });

  test('has the path of a module of Go in one piece', () => {
    expect(listed('pkg:golang/github.com/jackc/pgx@v5.7.2#v5')).toMatchObject({ name: 'github.com/jackc/pgx/v5' });
  });
});

describe('two lists', () => {
  test('differ by what one alone has, by versions and by names', () => {
    const { common, differences } = compareLists(
      [
        listed('pkg:npm/same@1', 'a'),
        listed('pkg:npm/mine@1', 'b'),
        listed('pkg:golang/stdlib@1.26.8', 'c'),
        listed('pkg:pypi/zope-interface@7', 'd'),
      ],
      [
        listed('pkg:npm/same@1', 'a'),
        listed('pkg:npm/theirs@1', 'b'),
        listed('pkg:golang/stdlib@v1.26.8', 'c'),
        listed('pkg:pypi/zope.interface@7', 'd'),
      ],
    );
    expect(common.map(({ ours }) => ours.name)).toEqual(['same']);
    expect(differences.map(({ kind, ours, theirs }) => [kind, ours?.name, theirs?.name])).toEqual([
      ['version', 'stdlib', 'stdlib'],
      ['name', 'zope-interface', 'zope.interface'],
      ['ours', 'mine', undefined],
      ['theirs', undefined, 'theirs'],
    ]);
  });

  test('of several versions of a package pair those that were found in one file', () => {
    const { differences } = compareLists(
      [listed('pkg:golang/stdlib@1.25.0', 'old'), listed('pkg:golang/stdlib@1.26.0', 'new')],
      [listed('pkg:golang/stdlib@v1.26.0', 'new'), listed('pkg:golang/stdlib@v1.25.0', 'old')],
    );
    expect(differences.map(({ ours, theirs }) => [ours?.version, theirs?.version])).toEqual([
      ['1.25.0', 'v1.25.0'],
      ['1.26.0', 'v1.26.0'],
    ]);
  });

  test('are in the same files, whichever sign stands between an archive and what is in it', () => {
    const [ours, theirs] = [
      listed('pkg:maven/g/a@1', 'app.jar!/lib/a.jar', 'b.jar'),
      listed('pkg:maven/g/a@1', 'b.jar', 'app.jar/lib/a.jar'),
    ];
    expect(arePlacesSame(ours, theirs)).toBe(true);
    expect(arePlacesSame(ours, listed('pkg:maven/g/a@1', 'b.jar'))).toBe(false);
    expect(arePlacesSame(ours, listed('pkg:maven/g/a@1'))).toBe(true);
  });

  test('have package URLs that differ in parts, however they are written', () => {
    expect(differingParts('pkg:deb/debian/a@1:2?arch=all', 'pkg:deb/debian/a@1%3A2?arch=all')).toEqual([]);
    expect(differingParts('pkg:deb/debian/a@1?arch=all&distro=x', 'pkg:deb/debian/a@2?arch=all&epoch=1')).toEqual([
      { part: '?distro', how: 'ours alone has it' },
      { part: '?epoch', how: 'theirs alone has it' },
      { part: 'version', how: 'other value' },
    ]);
  });
});

describe('a report', () => {
  test('of Trivy has sources of packages of Debian, and applications that are no packages', () => {
    const property = (name: string, value: string) => ({ name: `aquasecurity:trivy:${name}`, value });
    const properties = [
      property('SrcName', 'vim'),
      property('SrcVersion', '9.0'),
      property('SrcEpoch', '2'),
      property('SrcRelease', '1'),
    ];
    const text = JSON.stringify({
      components: [
        { name: 'vim-tiny', purl: 'pkg:deb/debian/vim-tiny@9.0-1?epoch=2', properties },
        { name: 'package-lock.json' },
        { name: 'a', purl: 'pkg:npm/a@1', properties: [property('FilePath', 'srv/package.json')] },
      ],
    });
    expect(readTrivy(text)).toMatchObject([
      { name: 'vim-tiny', version: '2:9.0-1', source: { name: 'vim', version: '2:9.0-1' } },
      { name: 'a', paths: ['srv/package.json'] },
    ]);
  });

  test('of Syft has sources, which are the package itself where none is named', () => {
    const artifact = (name: string, metadata: object) => ({
      name,
      version: '1',
      purl: `pkg:deb/debian/${name}@1`,
      locations: [{ path: '/s' }],
      metadata,
    });
    const text = JSON.stringify({
      artifacts: [artifact('a', { package: 'a' }), artifact('b', { package: 'b', source: 'c', sourceVersion: '2' })],
    });
    expect(readSyft(text)).toMatchObject([
      { name: 'a', source: { name: 'a', version: '1' }, paths: ['s'] },
      { name: 'b', source: { name: 'c', version: '2' } },
    ]);
  });
});

describe('a difference', () => {
  const compared = (ours: Listed[], theirs: Listed[]): Compared => ({
    image: 'node',
    program: 'trivy',
    ours,
    theirs,
    ...compareLists(ours, theirs),
  });
  const rule: Rule = {
    title: 'Applications',
    because: 'They are nobody else’s.',
    fits: ({ kind }) => kind === 'theirs',
  };

  const facts = { isPublished: () => false };

  test('that no rule explains is told, of packages, of sources and of package URLs', () => {
    const sourced = (version: string) => ({ ...listed('pkg:deb/debian/a@1'), source: { name: 'a', version } });
    const all = [
      compared([listed('pkg:npm/a@1', 'x'), sourced('1')], [sourced('2')]),
      compared([listed('pkg:npm/b@1')], [listed('pkg:npm/b@1?x=y')]),
      compared([listed('pkg:npm/c@1', 'x')], [listed('pkg:npm/c@1', 'x', 'y')]),
    ];
    expect(explain(all, { rules: [rule], purlRules: [], facts }).unexplained).toEqual([
      'node, trivy: npm a 1 in x: ours alone',
      'node, trivy: source of pkg:deb/debian/a@1: {"name":"a","version":"1"} {"name":"a","version":"2"}',
      'node, trivy: ?x, theirs alone has it: pkg:npm/b@1 pkg:npm/b@1?x=y',
      'node, trivy: files of pkg:npm/c@1: x and x y',
    ]);
  });

  test('is in the document under what explains it, with names that cannot leave their place', () => {
    const all = [compared([listed('pkg:npm/a@1')], [listed('pkg:npm/a@1'), listed('pkg:npm/%60%7Cb@2')])];
    const outcome = explain(all, { rules: [rule], purlRules: [], facts });
    expect(outcome.unexplained).toEqual([]);
    const text = render([{ name: 'node', about: 'a | b', layers: 2, bytes: 3e6, warnings: 0 }], all, outcome);
    expect(text).toContain('### Applications\n\nThey are nobody else’s.\n\n- node, Trivy (1): `?|b 2`');
    expect(text).toContain('| node | a \\| b | 2 | 3 MB | none |');
    expect(text).toContain('| node | Trivy | 1 | 2 | 1 | 0 | 1 | 0 | 0 |');
  });
});

test('rules have titles of their own, and say why in sentences', () => {
  expect(new Set(rules.map(({ title }) => title)).size).toBe(rules.length);
  for (const { because } of [...rules, ...purlRules]) expect(because).toMatch(/^[A-Z`].{20,}[^.]\.$/);
});
