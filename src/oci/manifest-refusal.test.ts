import { describe, expect, test } from 'bun:test';
import { processorMs } from '../../test/support/processor.ts';
import { RegistryError } from '../errors/index.ts';
import { digestOf } from './digest.ts';
import { parseManifest } from './manifest.ts';
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

/** The error of a manifest that must be refused. */
function refused(json: unknown, contentType?: string): object {
  try {
    parse(json, contentType);
  } catch (error) {
    expect(error).toBeInstanceOf(RegistryError);
    return { code: (error as RegistryError).code, ...((error as RegistryError).detail as object) };
  }
  throw new Error('the manifest was accepted');
}

const invalid = (field: string) => ({ code: 'MANIFEST_INVALID', field });

describe('manifests that are refused', () => {
  test('embedded data must be what its descriptor says', () => {
    const data = (text: string) => ({ ...image, config: { ...config, data: text } });
    expect(parse(data('e30=')).references[0]).toEqual({ ...config, role: 'config', required: true });
    for (const text of ['e30', 'fX0=', 'e30=e30=', 'e3 0', '{}'])
      expect(refused(data(text))).toEqual(invalid('config.data'));
  });

  test('each with the field at fault', () => {
    const { config: _, ...headless } = image;
    const cases: [string, unknown, string?][] = [
      ['config', headless],
      ['config', { ...image, config: [] }],
      ['layers', { ...image, layers: undefined }],
      ['layers', { ...image, layers: {} }],
      ['layers[1]', { ...image, layers: [image.layers[0], null] }],
      ['layers[0].digest', { ...image, layers: [{ ...config, digest: 'sha256:xyz' }] }],
      ['layers[0].digest', { ...image, layers: [{ ...config, digest: 7 }] }],
      ['layers[0].mediaType', { ...image, layers: [{ ...config, mediaType: 'no type' }] }],
      ['layers[0].annotations', { ...image, layers: [{ ...config, annotations: { a: 1 } }] }],
      ['layers[0].urls', { ...image, layers: [{ ...config, urls: [1] }] }],
      ['layers', { ...image, layers: Array.from({ length: 10_001 }, () => config) }],
      ['manifests', { ...index, manifests: undefined }],
      ['subject.digest', { ...image, subject: { ...config, digest: '' } }],
      ['annotations', { ...image, annotations: [] }],
      ['artifactType', { ...image, artifactType: 'text/plain; charset=utf-8' }],
      ['schemaVersion', { ...image, schemaVersion: '2' }],
      ['schemaVersion', { ...index, schemaVersion: undefined }],
      ['mediaType', { ...image, mediaType: 7 }, mediaTypes.ociManifest],
      ['mediaType', { ...image, mediaType: undefined }, 'application/json'],
      ['mediaType', { ...image, mediaType: 'application/vnd.oci.image.config.v1+json' }],
    ];
    for (const [field, json, type] of cases) expect(refused(json, type ?? mediaTypeOf(json))).toEqual(invalid(field));
    for (const size of ['"1"', '-1', '-0', '1.5', '9007199254740992', '1e400', 'null', 'true']) {
      const text = JSON.stringify({ ...image, config: { ...config, size: 0 } }).replace('"size":0', `"size":${size}`);
      expect(refused(text, mediaTypes.ociManifest)).toEqual(invalid('config.size'));
    }
  });

  test('CVE-2021-41190: what one reader takes for an image and another for an index', () => {
    expect(refused({ ...image, manifests: [] })).toEqual(invalid('manifests'));
    expect(refused({ ...index, layers: [] })).toEqual(invalid('layers'));
    expect(refused({ ...index, config })).toEqual(invalid('config'));
    expect(refused(image, mediaTypes.ociIndex)).toEqual(invalid('mediaType'));
    expect(refused({ ...index, mediaType: undefined }, mediaTypes.ociManifest)).toEqual(invalid('manifests'));
  });

  test('keys that readers understand differently: twice, or in another case', () => {
    const text = JSON.stringify(image);
    expect(refused(text.replace('"layers"', '"layers":[],"layers"'), mediaTypes.ociManifest)).toEqual(
      invalid('layers'),
    );
    expect(refused(text.replace('"size"', '"\\u0073ize":1,"size"'), mediaTypes.ociManifest)).toEqual(invalid('size'));
    for (const key of ['Layers', 'LAYERS', 'Subject', 'layer\u017f', 'Manifests']) {
      expect(refused({ ...image, [key]: [] })).toMatchObject({ code: 'MANIFEST_INVALID' });
    }
    expect(refused({ ...image, config: { ...config, Digest: digestOf('x') } })).toEqual(invalid('config.digest'));
  });

  test('Docker schema 1, with the reason', () => {
    const schema1 = { schemaVersion: 1, name: 'a', tag: 'b', fsLayers: [], history: [] };
    for (const type of [mediaTypes.dockerSchema1, mediaTypes.dockerSchema1Signed, 'application/json', '']) {
      expect(refused(schema1, type)).toEqual({ ...invalid('schemaVersion'), reason: 'schema1' });
    }
    expect(refused({ ...image, fsLayers: [] })).toEqual(invalid('fsLayers'));
  });

  test('text that is not JSON in UTF-8, too deep, too large, or with too many keys', () => {
    for (const text of ['', '{', 'null', '[]', '"a"', '\ufeff{}', `${JSON.stringify(image)}x`]) {
      expect(refused(text, mediaTypes.ociManifest)).toEqual({ code: 'MANIFEST_INVALID' });
    }
    expect(refused('['.repeat(2_000_000), mediaTypes.ociManifest)).toEqual({ code: 'MANIFEST_INVALID' });
    expect(() => parseManifest(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), mediaTypes.ociManifest)).toThrow(
      'not UTF-8',
    );
    const annotations = Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`${at}`, '']));
    expect(refused({ ...image, annotations })).toEqual({ code: 'MANIFEST_INVALID' });
    const padded = (size: number) => JSON.stringify(image).padEnd(size, ' ');
    expect(parse(padded(4_194_304), mediaTypes.ociManifest).kind).toBe('image');
    expect(refused(padded(4_194_305), mediaTypes.ociManifest)).toMatchObject({
      code: 'SIZE_INVALID',
      maxBytes: 4_194_304,
    });
  });

  test('10,000 layers are read in reasonable time', () => {
    const layers = Array.from({ length: 10_000 }, (_, at) => descriptor(`${at}`, layerType));
    const bytes = new TextEncoder().encode(JSON.stringify({ ...image, layers }));
    const needed = processorMs(() => {
      expect(parseManifest(bytes, mediaTypes.ociManifest).references).toHaveLength(10_001);
    });
    expect(needed).toBeLessThan(500);
  });
});

function mediaTypeOf(json: unknown): string {
  const { mediaType, manifests } = json as { mediaType?: unknown; manifests?: unknown };
  if (typeof mediaType === 'string') return mediaType;
  return manifests ? mediaTypes.ociIndex : mediaTypes.ociManifest;
}
