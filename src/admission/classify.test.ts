import { describe, expect, test } from 'bun:test';
import { parseManifest } from '../oci/index.ts';
import { attestationsOf, classify, isCose, isText } from './classify.ts';

const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
const subject = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digest(9), size: 1 };
const empty = 'application/vnd.oci.empty.v1+json';
const imageConfig = 'application/vnd.oci.image.config.v1+json';
const simple = 'application/vnd.dev.cosign.simplesigning.v1+json';
const bundle = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const notation = 'application/vnd.cncf.notary.signature';
const tar = 'application/vnd.oci.image.layer.v1.tar+gzip';
const sig = `sha256-${'a'.repeat(64)}.sig`;

interface Shape {
  config?: string;
  layers?: string[];
  artifactType?: string;
  subject?: boolean;
  tags?: string[];
  size?: number;
  attestation?: boolean;
}

function kindOf({
  config = empty,
  layers = [],
  artifactType,
  subject: has = true,
  tags = [],
  size = 10,
  attestation = false,
}: Shape) {
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    ...(artifactType !== undefined && { artifactType }),
    config: { mediaType: config, digest: digest(1), size: 2 },
    layers: layers.map((mediaType, n) => ({ mediaType, digest: digest(n % 10), size })),
    ...(has && { subject }),
  };
  const parsed = parseManifest(new TextEncoder().encode(JSON.stringify(manifest)), '');
  return classify(parsed, tags, attestation).kind;
}

const notationSignature: Shape = { artifactType: notation, layers: ['application/jose+json'] };
const bundleReferrer: Shape = { artifactType: bundle, layers: [bundle] };
const cosignTag: Shape = { config: imageConfig, layers: [simple], subject: false, tags: [sig] };

describe('what is exempt', () => {
  test.each<[string, Shape]>([
    ['notation, by artifactType', notationSignature],
    ['notation, by config', { config: notation, layers: ['application/cose'] }],
    ['a bundle of sigstore', bundleReferrer],
    ['a signature of cosign under its tag', cosignTag],
    [
      'an attestation of cosign under its tag',
      { ...cosignTag, layers: ['application/vnd.dsse.envelope.v1+json'], tags: [sig.replace('.sig', '.att')] },
    ],
    [
      'an SBOM as a referrer',
      { artifactType: 'application/vnd.cyclonedx+json', layers: ['application/vnd.cyclonedx+json'] },
    ],
    [
      'an attestation of BuildKit that an index lists',
      { config: imageConfig, layers: ['application/vnd.in-toto+json'], subject: false, attestation: true },
    ],
  ])('%s', (_, shape) => expect(kindOf(shape)).toBe('supply-chain'));

  test.each<[string, Shape, string]>([
    ['has a tar beside the signature', { ...cosignTag, layers: [simple, tar] }, 'image'],
    ['has no tag of a signature', { ...cosignTag, tags: ['v1'] }, 'image'],
    ['has a tag of a signature and a layer of an image', { ...cosignTag, layers: [tar] }, 'image'],
    ['has the config of an image', { ...bundleReferrer, config: imageConfig }, 'image'],
    ['has no subject', { ...bundleReferrer, subject: false }, 'other'],
    [
      'has two layers where there is one',
      { ...notationSignature, layers: ['application/jose+json', 'application/jose+json'] },
      'other',
    ],
    ['is larger than a signature is', { ...cosignTag, size: 1024 * 1024 + 1 }, 'image'],
    ['has more layers than are looked at', { ...cosignTag, layers: Array.from({ length: 65 }, () => simple) }, 'image'],
    ['has no layers', { ...cosignTag, layers: [] }, 'image'],
    [
      'says that it is an attestation, and no index does',
      { config: imageConfig, layers: ['application/vnd.in-toto+json'], subject: false },
      'image',
    ],
    [
      'is a chart',
      {
        config: 'application/vnd.cncf.helm.config.v1+json',
        layers: ['application/vnd.cncf.helm.chart.content.v1.tar+gzip'],
        subject: false,
      },
      'other',
    ],
    ['has a file system under another config', { config: 'application/x', layers: [tar], subject: false }, 'image'],
  ])('not what %s', (_, shape, kind) => expect(kindOf(shape)).toBe(kind as never));
});

test('what an index lists as an image, too, is no attestation', () => {
  const attestation = {
    digest: digest(1),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  };
  const index = (manifests: object[]) => new TextEncoder().encode(JSON.stringify({ manifests }));
  expect([...attestationsOf(index([attestation]))]).toEqual([digest(1)]);
  const image = { digest: digest(1), platform: { os: 'linux', architecture: 'amd64' } };
  expect([...attestationsOf(index([attestation, image]))]).toEqual([]);
  expect([...attestationsOf(index([{ ...attestation, platform: image.platform }]))]).toEqual([]);
});

describe('the bytes of a layer', () => {
  const stream = (...parts: (string | Uint8Array<ArrayBuffer>)[]) => new Blob(parts).stream();
  const size = 100;
  test('of a signature are JSON', async () => {
    expect(await isText(stream(' {"a":"é"}'), size)).toBe(true);
    expect(await isText(stream('{"a":1} more'), size)).toBe(false);
    expect(await isText(stream(''), size)).toBe(false);
    expect(await isText(stream('text'), size)).toBe(false);
    expect(await isText(stream('{"a":1}', new Uint8Array(1)), size)).toBe(false);
    expect(await isText(stream(Bun.gzipSync('{"a":1}')), size)).toBe(false);
  });

  test('of a large attestation are text to their end', async () => {
    const large = 5 * 1024 * 1024;
    const text = `{"a":"${'x'.repeat(large)}"}`;
    expect(await isText(stream(text), text.length)).toBe(true);
    // As a tar that begins with a file of such a name.
    expect(await isText(stream(text, new Uint8Array(512)), text.length + 512)).toBe(false);
    expect(await isText(stream(text, new Uint8Array([0xff])), text.length + 1)).toBe(false);
  });

  test('of COSE begin as those do', async () => {
    expect(await isCose(stream(new Uint8Array([0xd2, 0x84, 0])))).toBe(true);
    expect(await isCose(stream('{}'))).toBe(false);
    expect(await isCose(stream(''))).toBe(false);
  });
});
