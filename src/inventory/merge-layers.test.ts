import { describe, expect, test } from 'bun:test';
import { type Digest, digestOf } from '../oci/index.ts';
import { codesOf, dpkgStatus, type DoubleEntry, readEntries } from './archive.double.ts';
import { createImageMerge, type ImageInventory, type LayerInventory, mergeLayers, unreadLayer } from './index.ts';
import type { ImageLimits } from './limits.ts';

const digests: Digest[] = [0, 1, 2, 3].map((number) => digestOf(`${number}`));

async function imageOf(...layers: (DoubleEntry[] | LayerInventory)[]): Promise<ImageInventory> {
  const read = await Promise.all(layers.map((one) => (Array.isArray(one) ? readEntries(one) : one)));
  return mergeLayers(read.map((inventory, at) => ({ digest: digests[at]!, inventory })));
}

const listed = (image: ImageInventory) =>
  image.components.map(
    ({ installedName, installedVersion, layerIndex }) => `${installedName} ${installedVersion} of ${layerIndex}`,
  );

const status = 'var/lib/dpkg/status';
const debian = { name: 'etc/os-release', content: 'ID=debian\nVERSION_ID="12"\n' };
const packageJson = (name: string, version: string) => JSON.stringify({ name, version });

describe('a package came', () => {
  test('with the layer that installed it in this version, though later ones write the database anew', async () => {
    const image = await imageOf(
      [debian, { name: status, content: dpkgStatus({ bash: '5.1-1', libc6: '2.36-9', zlib1g: '1.2' }) }],
      [{ name: status, content: dpkgStatus({ bash: '5.2-1', libc6: '2.36-9', curl: '7.88' }) }],
      [{ name: status, content: dpkgStatus({ bash: '5.2-1', libc6: '2.36-9', curl: '7.88', git: '2.39' }) }],
    );
    expect(listed(image)).toEqual(['bash 5.2-1 of 1', 'curl 7.88 of 1', 'git 2.39 of 2', 'libc6 2.36-9 of 0']);
    expect(image.components[0]!.layer).toBe(digests[1]!);
    expect(image.partial).toBe(false);
  });

  test('anew where it was removed in between', async () => {
    const one = { name: status, content: dpkgStatus({ bash: '5.1-1' }) };
    const image = await imageOf([debian, one], [{ name: 'var/lib/dpkg/.wh.status' }], [one]);
    expect(listed(image)).toEqual(['bash 5.1-1 of 2']);
  });
});

describe('an upper layer hides', () => {
  const npm = { name: 'app/node_modules/a/package.json', content: packageJson('a', '1.0.0') };
  const cases: Record<string, DoubleEntry[]> = {
    'what a whiteout removes': [{ name: 'app/node_modules/.wh.a' }],
    'what is below an opaque directory': [{ name: 'app/.wh..wh..opq' }],
    'what was in a directory that is a symlink now': [{ name: 'app/node_modules', type: '2', link: '/elsewhere' }],
    'a file that something else replaces': [{ name: npm.name, content: '{}' }],
    'a file that a directory replaces': [{ name: `${npm.name}/` }],
  };
  for (const [what, upper] of Object.entries(cases)) {
    test(what, async () => {
      expect(listed(await imageOf([npm], [{ name: 'other' }]))).toEqual(['a 1.0.0 of 0']);
      expect(listed(await imageOf([npm], upper))).toEqual([]);
    });
  }

  test('a program that something without packages replaces, executable or not', async () => {
    const tool: LayerInventory = {
      ...(await readEntries([{ name: 'usr/bin/tool', mode: 0o755 }])),
      files: [
        {
          path: 'usr/bin/tool',
          reader: 'executable',
          packages: [{ type: 'golang', name: 'example.org/m', version: 'v1.0.0' }],
        },
      ],
    };
    expect(listed(await imageOf(tool))).toEqual(['example.org/m v1.0.0 of 0']);
    expect(listed(await imageOf(tool, [{ name: 'usr/bin/tool', content: '#!/bin/sh', mode: 0o755 }]))).toEqual([]);
    expect(listed(await imageOf(tool, [{ name: 'usr/bin/tool', content: 'text' }]))).toEqual([]);
  });

  test('warnings about what it hides, and no others', async () => {
    const large = { name: 'etc/os-release', content: 'x'.repeat(100_000) };
    expect(await imageOf([large])).toMatchObject({ partial: true });
    expect(await imageOf([large], [debian])).toMatchObject({ partial: false, warnings: [] });
    expect(await imageOf([large], [{ name: 'etc/hosts' }])).toMatchObject({ partial: true });
  });
});

describe('a component has the names of its advisories', () => {
  const component = async (...layer: DoubleEntry[]) => (await imageOf(layer)).components[0];

  test('of Debian: its source package, and the release', async () => {
    const stanza =
      'Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl (3.0.9-1)\nVersion: 3.0.9-1+b2\n';
    expect(await component(debian, { name: status, content: stanza })).toEqual({
      ecosystem: 'Debian',
      release: '12',
      name: 'openssl',
      version: '3.0.9-1',
      purl: 'pkg:deb/debian/libssl3@3.0.9-1%2Bb2?arch=amd64&distro=debian-12&upstream=openssl%403.0.9-1',
      installedName: 'libssl3',
      installedVersion: '3.0.9-1+b2',
      type: 'deb',
      path: status,
      layer: digests[0]!,
      layerIndex: 0,
    });
  });

  test('of Alpine: its origin', async () => {
    const os = { name: 'etc/alpine-release', content: '3.19.1\n' };
    expect(
      await component(os, {
        name: 'lib/apk/db/installed',
        content: 'P:libcrypto3\nV:3.1.4-r1\nA:x86_64\no:openssl\n\n',
      }),
    ).toMatchObject({
      ecosystem: 'Alpine',
      release: 'v3.19',
      name: 'openssl',
      version: '3.1.4-r1',
      purl: 'pkg:apk/alpine/libcrypto3@3.1.4-r1?arch=x86_64&distro=alpine-3.19.1&upstream=openssl',
    });
  });

  test('of an rpm: what it was built from, or what is installed where its vendor says so', async () => {
    const list = 'openssl-libs\t3.0.7-24.el9\t1\t1\tv\t1\t1\tx86_64\t1\topenssl-3.0.7-24.el9.src.rpm\n';
    const manifest = { name: 'var/lib/rpmmanifest/container-manifest-2', content: list };
    const of = (id: string) => component({ name: 'etc/os-release', content: `ID=${id}\nVERSION_ID=9.3\n` }, manifest);
    expect(await of('rocky')).toMatchObject({
      ecosystem: 'Rocky Linux',
      release: '9',
      name: 'openssl',
      version: '1:3.0.7-24.el9',
      purl: 'pkg:rpm/rocky/openssl-libs@3.0.7-24.el9?arch=x86_64&distro=rocky-9.3&epoch=1&upstream=openssl',
    });
    expect(await of('almalinux')).toMatchObject({ ecosystem: 'AlmaLinux', name: 'openssl-libs' });
  });

  test('of a scoped package of npm', async () => {
    expect(
      await component({ name: 'n/node_modules/@s/a/package.json', content: packageJson('@s/a', '1.2.3') }),
    ).toMatchObject({
      ecosystem: 'npm',
      release: '',
      name: '@s/a',
      version: '1.2.3',
      installedName: '@s/a',
      purl: 'pkg:npm/%40s/a@1.2.3',
    });
  });
});

describe('the distribution', () => {
  const osOf = async (...layer: DoubleEntry[]) => (await imageOf(layer)).os;

  test('is what the best of its files says, and what that lacks another says of the same', async () => {
    const release = { name: 'usr/lib/os-release', content: 'ID=debian\nVERSION_CODENAME=trixie\n' };
    expect(await osOf(release, { name: 'etc/debian_version', content: '13.1\n' })).toEqual({
      id: 'debian',
      versionCodename: 'trixie',
      versionId: '13.1',
    });
    const ubuntu = { name: 'etc/os-release', content: 'ID=ubuntu\nVERSION_ID=22.04\n' };
    expect(await osOf(ubuntu, { name: 'etc/debian_version', content: 'bookworm/sid\n' })).toEqual({
      id: 'ubuntu',
      versionId: '22.04',
    });
  });

  test('that nobody knows advisories of makes an image with its packages partial', async () => {
    const unknown = { name: 'etc/os-release', content: 'ID=homemade\nVERSION_ID=1\n' };
    const database = { name: status, content: dpkgStatus({ bash: '5.2-1' }) };
    for (const layer of [[database], [unknown, database]]) {
      const image = await imageOf(layer);
      expect(image.partial).toBe(true);
      expect(codesOf(image)).toEqual(['unknown-distribution']);
      expect(image.components[0]).toMatchObject({ ecosystem: '', installedName: 'bash' });
    }
    expect((await imageOf([unknown])).partial).toBe(false);
  });
});

test('a package of a distribution that two databases have is one', async () => {
  const image = await imageOf([
    debian,
    { name: status, content: dpkgStatus({ bash: '5.2-1' }) },
    { name: 'var/lib/dpkg/status.d/bash', content: 'Package: bash\nArchitecture: amd64\nVersion: 5.2-1\n' },
  ]);
  expect(listed(image)).toEqual(['bash 5.2-1 of 0']);
});

test('a lockfile counts only where what it wishes for is not installed', async () => {
  const lock = {
    name: 'app/package-lock.json',
    content: JSON.stringify({ lockfileVersion: 3, packages: { '': {}, 'node_modules/b': { version: '2.0.0' } } }),
  };
  const installed = { name: 'app/node_modules/a/package.json', content: packageJson('a', '1.0.0') };
  expect(listed(await imageOf([lock]))).toEqual(['b 2.0.0 of 0']);
  expect(listed(await imageOf([lock], [installed]))).toEqual(['a 1.0.0 of 1']);
});

test('a layer that could not be read makes the image partial, and the others count', async () => {
  const image = await imageOf(
    [debian, { name: status, content: dpkgStatus({ bash: '5.2-1' }) }],
    unreadLayer('foreign-layer', 'not here'),
  );
  expect(image.partial).toBe(true);
  expect(image.warnings).toEqual([{ code: 'foreign-layer', detail: 'not here', layer: digests[1]! }]);
  expect(listed(image)).toEqual(['bash 5.2-1 of 0']);
});

test('what is only cut makes no image partial', async () => {
  const image = await imageOf([debian, { name: status, content: dpkgStatus({ ['n'.repeat(5000)]: '1' }) }]);
  expect(codesOf(image)).toEqual(['cut-text']);
  expect(image.partial).toBe(false);
});

describe('an image that has more than it may', () => {
  const lockfile = (folder: string, count: number, layer = 0): LayerInventory => ({
    ...unreadLayer('foreign-layer'),
    warnings: [],
    files: [
      {
        path: `${folder}/package-lock.json`,
        reader: 'npm-lock',
        packages: Array.from({ length: count }, (_, at) => ({ type: 'npm', name: `p${layer}-${at}`, version: '1' })),
      },
    ],
  });
  const merged = (layers: readonly LayerInventory[], limits: Partial<ImageLimits>) =>
    mergeLayers(
      layers.map((inventory, at) => ({ digest: digests[at % 4]!, inventory })),
      limits,
    );
  const codes = ({ warnings }: ImageInventory) => warnings.map(({ code }) => code);

  test('of packages: the rest is left out, whichever layers have them, and the image is partial', () => {
    const layers = Array.from({ length: 10 }, (_, at) => lockfile(`app${at}`, 100, at));
    const image = merged(layers, { packages: 250 });
    expect(image.components).toHaveLength(200);
    expect([codes(image), image.partial]).toEqual([['too-many-findings'], true]);
  });

  test('what a later layer has replaced counts no more', () => {
    const layers = Array.from({ length: 10 }, (_, at) => lockfile('app', 100, at));
    const image = merged(layers, { packages: 100 });
    expect(image.components.every(({ name }) => name.startsWith('p9-'))).toBe(true);
    expect([image.components.length, codes(image), image.partial]).toEqual([100, [], false]);
  });

  test('of versions of one package, each of which is compared with all that is said of it', () => {
    const versions = (count: number): LayerInventory => {
      const layer = lockfile('app', 0);
      const packages = Array.from({ length: count }, (_, at) => ({
        type: 'npm' as const,
        name: 'p',
        version: `${at}`,
      }));
      return { ...layer, files: [{ ...layer.files[0]!, packages: [...packages, { ...packages[0]!, name: 'q' }] }] };
    };
    const image = merged([versions(3)], { versions: 3 });
    expect([image.components.length, codes(image)]).toEqual([4, []]);
    const cut = merged([versions(4)], { versions: 3 });
    expect(cut.components.map(({ name }) => name)).toEqual(['p', 'p', 'p', 'q']);
    expect([codes(cut), cut.partial]).toEqual([['too-many-findings'], true]);
    expect(merged([versions(1000)], {}).components).toHaveLength(65);
  });

  test('of files of the distribution: its packages stay, and nothing is hidden by them', () => {
    const database = {
      path: 'lib/apk/db/installed',
      reader: 'apk',
      packages: [{ type: 'apk', name: 'py3-requests', version: '2-r0' } as const],
      owns: [{ by: 'py3-requests 2-r0', paths: ['a/1', 'a/2', 'app/package-lock.json'] }],
    };
    const layer = lockfile('app', 1);
    const found = (owned: number) => merged([{ ...layer, files: [database, ...layer.files] }], { owned });
    expect(found(3).components.map(({ type }) => type)).toEqual(['apk']);
    expect(found(2).components.map(({ type }) => type)).toEqual(['apk', 'npm']);
    expect(codes(found(2))).toContain('too-many-findings');
  });

  test('of directories, and of warnings', () => {
    const deep = Array.from({ length: 10 }, (_, at) => lockfile(`${at}/${'a/'.repeat(98)}b`, 1, at));
    const image = merged(deep, { places: 350 });
    expect([image.components.length, codes(image)]).toEqual([3, ['too-many-findings']]);
    const broken = Array.from({ length: 20 }, () => unreadLayer('damaged-archive'));
    expect(codes(merged(broken, { warnings: 3 }))).toEqual([
      'damaged-archive',
      'damaged-archive',
      'damaged-archive',
      'more-warnings',
    ]);
  });

  test('gives others a turn while it is put together', () => {
    const merge = createImageMerge();
    const add = merge.add({ digest: digests[0]!, inventory: lockfile('app', 20_000) });
    while (!add.next().done);
    const steps = merge.inventory();
    let turns = 0;
    while (!steps.next().done) turns++;
    expect(turns).toBeGreaterThanOrEqual(20);
  });
});
