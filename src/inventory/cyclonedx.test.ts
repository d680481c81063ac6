import { expect, test } from 'bun:test';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import fc from 'fast-check';
import { digestOf } from '../oci/index.ts';
import { dpkgStatus, readEntries } from './archive.double.ts';
import { type ImageInventory, mergeLayers, toCycloneDx } from './index.ts';

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
const digest = digestOf('image');

interface Bom {
  components: { purl?: string; type: string; 'bom-ref': string }[];
  metadata: { properties: { name: string; value: string }[] };
}

async function sampleImage(): Promise<ImageInventory> {
  const layer = await readEntries([
    { name: 'etc/os-release', content: 'ID=debian\nVERSION_ID="12"\nCPE_NAME="cpe:/o:debian:debian_linux:12"\n' },
    { name: 'var/lib/dpkg/status', content: dpkgStatus({ bash: '5.2-1', zlib1g: '1:1.2' }) },
    {
      name: 'a/node_modules/x/package.json',
      content: '{"name": "x", "version": "1.0.0", "license": "MIT OR Apache-2.0"}',
    },
    { name: 'b/node_modules/x/package.json', content: '{"name": "x", "version": "1.0.0", "license": "MIT"}' },
    { name: 'a/node_modules/y/package.json', content: 'broken' },
  ]);
  return mergeLayers([{ digest: digestOf('layer'), inventory: layer }]);
}

test('an inventory is CycloneDX 1.6 as its schema has it, and the same bytes each time', async () => {
  const text = toCycloneDx(await sampleImage(), { repository: 'team/app', digest });
  expect(await validator.validate(text)).toBeNull();
  expect(toCycloneDx(await sampleImage(), { repository: 'team/app', digest })).toBe(text);
  const { components, metadata } = JSON.parse(text) as Bom;
  expect(components.map(({ type, purl }) => [type, purl])).toEqual([
    ['operating-system', undefined],
    ['library', 'pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-12'],
    ['library', 'pkg:deb/debian/zlib1g@1:1.2?arch=amd64&distro=debian-12'],
    ['library', 'pkg:npm/x@1.0.0'],
  ]);
  // One component, at two places.
  expect(components.at(-1)).toMatchObject({
    licenses: [{ license: { name: 'MIT' } }, { license: { name: 'MIT OR Apache-2.0' } }],
    evidence: {
      occurrences: [{ location: 'a/node_modules/x/package.json' }, { location: 'b/node_modules/x/package.json' }],
    },
  });
  expect(metadata.properties.map(({ name }) => name)).toEqual(['bonded:partial', 'bonded:warning:unread-file']);
  expect(text).not.toContain('serialNumber');
  expect(text).not.toContain('timestamp');
});

test('property: whatever packages are called, the document is valid, and names each once', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  const odd = fc.oneof(text, fc.constantFrom('\ud800', '\u0000', '=cmd()', '<x>', '\u001b[31m', ' '));
  const found = fc.record({
    type: fc.constantFrom('deb', 'apk', 'rpm', 'npm', 'pypi', 'golang', 'maven', 'composer', 'generic'),
    name: odd.filter((name) => name !== ''),
    namespace: fc.option(odd, { nil: undefined }),
    version: odd,
    arch: odd,
    licenses: fc.array(odd, { maxLength: 2 }),
    qualifiers: fc.dictionary(odd, odd, { maxKeys: 2 }),
  });
  const empty = await readEntries([]);
  await fc.assert(
    fc.asyncProperty(fc.array(found, { maxLength: 5 }), odd, odd, async (packages, id, cpeName) => {
      const files = [
        { path: 'x', reader: 'x', packages, os: { id, cpeName } },
        { path: 'etc/os-release', reader: 'os-release', packages: [], os: { id, cpeName } },
      ];
      const image = mergeLayers([{ digest, inventory: { ...empty, files } as never }]);
      const document = toCycloneDx(image, { digest });
      expect(await validator.validate(document)).toBeNull();
      const references = (JSON.parse(document) as Bom).components.map((one) => one['bom-ref']);
      expect(new Set(references).size).toBe(references.length);
    }),
    { numRuns: 100 },
  );
});
