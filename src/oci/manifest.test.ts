import { describe, expect, test } from 'bun:test';
import { digestOf } from './digest.ts';
import { distinctReferences, ownMediaType, parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';

const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';

function descriptor(content: string, mediaType: string, more: object = {}) {
  return { mediaType, digest: digestOf(content), size: content.length, ...more };
}

const config = descriptor('{}', mediaTypes.ociConfig);
const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [descriptor('a', layerType)] };
const child = descriptor('m', mediaTypes.ociManifest);
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child] };

function parse(json: unknown, contentType: string = (json as { mediaType: string }).mediaType) {
  return parseManifest(new TextEncoder().encode(typeof json === 'string' ? json : JSON.stringify(json)), contentType);
}

describe('manifests that clients push', () => {
  test('an OCI image gives its config and layers, in order', () => {
    const parsed = parse(image);
    expect(parsed).toMatchObject({
      kind: 'image',
      mediaType: mediaTypes.ociManifest,
      subject: undefined,
      annotations: undefined,
    });
    expect(parsed.references).toEqual([
      { ...config, role: 'config', required: true },
      { ...descriptor('a', layerType), role: 'layer', required: true },
    ]);
  });

  test('Docker schema 2 and its manifest list', () => {
    const docker = {
      ...image,
      mediaType: mediaTypes.dockerManifest,
      config: descriptor('{}', 'application/vnd.docker.container.image.v1+json'),
      layers: [descriptor('a', 'application/vnd.docker.image.rootfs.diff.tar.gzip')],
    };
    expect(parse(docker)).toMatchObject({
      kind: 'image',
      artifactType: 'application/vnd.docker.container.image.v1+json',
    });
    const platform = { architecture: 'amd64', os: 'linux' };
    const list = {
      ...index,
      mediaType: mediaTypes.dockerList,
      manifests: [descriptor('m', mediaTypes.dockerManifest, { platform })],
    };
    expect(parse(list)).toMatchObject({ kind: 'index', artifactType: undefined, references: [{ role: 'child' }] });
  });

  test('lesson 44: the artifact type is its own field, else the config type, else none', () => {
    const helm = { ...image, config: descriptor('{}', 'application/vnd.cncf.helm.config.v1+json') };
    expect(parse(helm).artifactType).toBe('application/vnd.cncf.helm.config.v1+json');
    expect(parse({ ...image, artifactType: 'application/vnd.example.sbom' }).artifactType).toBe(
      'application/vnd.example.sbom',
    );
    expect(parse({ ...image, artifactType: '' }).artifactType).toBe(mediaTypes.ociConfig);
    expect(parse(index).artifactType).toBeUndefined();
    expect(parse({ ...index, artifactType: 'application/vnd.example.set' }).artifactType).toBe(
      'application/vnd.example.set',
    );
    const artifact = {
      mediaType: mediaTypes.ociArtifact,
      artifactType: 'a/b',
      blobs: [descriptor('x', 'text/plain;charset=utf-8')],
    };
    expect(parse(artifact)).toMatchObject({ kind: 'artifact', artifactType: 'a/b', references: [{ role: 'blob' }] });
    expect(parse({ mediaType: mediaTypes.ociArtifact }).references).toEqual([]);
  });

  test("lesson 35: BuildKit's cache index has blobs for children", () => {
    const cache = {
      ...index,
      manifests: [
        descriptor('a', layerType, { annotations: { 'buildkit/createdat': '2026-01-01' } }),
        descriptor('c', 'application/vnd.buildkit.cacheconfig.v0'),
      ],
    };
    expect(parse(cache).references.map(({ role, required }) => ({ role, required }))).toEqual([
      { role: 'blob', required: true },
      { role: 'blob', required: true },
    ]);
  });

  test('lesson 35: layers that stay with their vendor are not required', () => {
    const urls = ['https://vendor.example/layer'];
    const types = [
      'application/vnd.oci.image.layer.nondistributable.v1.tar',
      'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
      'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
      'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    ];
    const layers = [...types.map((type) => descriptor(type, type, { urls })), descriptor('a', layerType, { urls })];
    expect(parse({ ...image, layers }).references.map(({ required }) => required)).toEqual([
      true,
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  test('lesson 35: no layers, null for no layers, and children that repeat', () => {
    expect(parse({ ...image, layers: [] }).references).toHaveLength(1);
    expect(parse({ ...image, layers: null }).references).toHaveLength(1);
    const parsed = parse({ ...index, manifests: [child, { ...child, platform: { os: 'linux' } }] });
    expect(parsed.references).toHaveLength(2);
    expect(distinctReferences(parsed)).toEqual([{ ...child, role: 'child', required: true }]);
  });

  test('a digest that is required once is required', () => {
    const foreign = descriptor('a', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip');
    const [first] = distinctReferences(
      parse({ ...image, config: descriptor('0', 'a/b'), layers: [foreign, descriptor('a', layerType)] }),
    );
    expect(
      distinctReferences(parse({ ...image, layers: [foreign] })).find(({ digest }) => digest === digestOf('a'))
        ?.required,
    ).toBe(false);
    expect([digestOf('a'), digestOf('0')]).toContain(first!.digest);
    expect(
      distinctReferences(parse({ ...image, layers: [foreign, descriptor('a', layerType)] })).find(
        ({ digest }) => digest === digestOf('a'),
      )?.required,
    ).toBe(true);
  });

  test('lesson 45: images and indexes may have a subject', () => {
    const subject = descriptor('s', mediaTypes.ociManifest);
    for (const manifest of [image, index, { mediaType: mediaTypes.ociArtifact, artifactType: 'a/b' }]) {
      expect(parse({ ...manifest, subject }).subject).toEqual(subject);
      expect(parse({ ...manifest, subject: null }).subject).toBeUndefined();
    }
  });

  test('the media type may stand in either place, and Content-Type may have parameters', () => {
    const { mediaType, ...bare } = image;
    expect(parse(bare, mediaType).mediaType).toBe(mediaType);
    expect(parse(image, 'application/json').mediaType).toBe(mediaType);
    expect(parse(image, '').mediaType).toBe(mediaType);
    expect(parse(image, `${mediaType}; charset=utf-8`).mediaType).toBe(mediaType);
  });

  test('unknown fields are kept out of the way, annotations are returned as they are', () => {
    const annotations = JSON.parse('{"__proto__":"x","constructor":"y","é\\u0000":"\\ud800"}') as object;
    const parsed = parse(
      `${JSON.stringify(image).slice(0, -1)},"org.example":{"Layers":[]},"annotations":${JSON.stringify(annotations)}}`,
      mediaTypes.ociManifest,
    );
    expect(Object.entries(parsed.annotations!)).toEqual(Object.entries(annotations));
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('the media type of a stored manifest', () => {
  const own = (text: string) => ownMediaType(Buffer.from(text));
  const others = { layers: [{ mediaType: layerType }], annotations: { mediaType: 'x/y' } };

  test('is the one in its outermost object, wherever it stands there', () => {
    const mediaType = mediaTypes.ociManifest;
    for (const json of [image, { schemaVersion: 2, mediaType, ...others }, { ...others, mediaType }]) {
      expect(own(JSON.stringify(json))).toBe(mediaType);
      expect(own(JSON.stringify(json, undefined, 4))).toBe(mediaType);
    }
    expect(own(String.raw`{"schemaVersion":2,"mediaType":"a\u002fb"}`)).toBe('a/b');
  });

  test('is not guessed at', () => {
    for (const json of [others, { schemaVersion: 2, ...others }, { mediaType: 2 }, { mediaType: null }]) {
      expect(own(JSON.stringify(json))).toBeUndefined();
    }
    expect(own('{"schemaVersion":2,')).toBeUndefined();
  });
});
