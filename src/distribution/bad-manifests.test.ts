import { afterAll, beforeAll } from 'bun:test';
import { digestOf, layerDescriptor, makeImage, ociIndex, ociManifest, putManifest } from '../../test/http/registry.ts';
import { type Refusal, type TestApp, testRefusals } from '../../test/http/refusals.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: TestApp;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const image = makeImage();
const none = digestOf('no such content');
const schema1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
const put =
  (body: string | Uint8Array<ArrayBuffer>, type = ociManifest, reference = 'latest') =>
  () =>
    putManifest(server.url, 'a', reference, body, type);
const changed = (extra: Record<string, unknown>) => put(JSON.stringify({ ...JSON.parse(image.text), ...extra }));
const child = { mediaType: ociManifest, digest: none, size: 5 };
const index = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [child] });
const manyTags = Array.from({ length: 101 }, (_, at) => `tag=t${at}`).join('&');

const invalid: [what: string, request: () => Promise<Response>, detail?: Record<string, unknown>][] = [
  ['what is no JSON', put('{')],
  ['nothing', put('')],
  ['a list', put('[]')],
  ['bytes that are no UTF-8', put(new Uint8Array([0x7b, 0xff, 0x7d]))],
  ['nesting without end', put('['.repeat(100_000))],
  ['schema 1', put('{"schemaVersion":1}', schema1), { reason: 'schema1' }],
  ['a media type that is no manifest', put('{}', 'text/html')],
  ['no media type', put(new TextEncoder().encode('{"schemaVersion":2}'), '')],
  ['a Content-Type that contradicts it', put(image.text, ociIndex), { field: 'mediaType' }],
  ['a layer without a digest', changed({ layers: [{ mediaType: 'a/b', size: 1 }] }), { field: 'layers[0].digest' }],
  ['a negative size', changed({ layers: [{ ...layerDescriptor('x'), size: -1 }] }), { field: 'layers[0].size' }],
  ['a subject that is no descriptor', changed({ subject: 'x' }), { field: 'subject' }],
  ['an annotation that is no text', changed({ annotations: { a: 1 } }), { field: 'annotations' }],
];

const refusals: Refusal[] = [
  ...invalid.map(([what, request, detail = {}]) => ({ what, request, status: 400, code: 'MANIFEST_INVALID', detail })),
  {
    what: 'more than 4 MiB',
    request: put(`{"a":"${'x'.repeat(4 * 2 ** 20)}"}`),
    status: 413,
    code: 'SIZE_INVALID',
    detail: { maxBytes: 4 * 2 ** 20 },
  },
  {
    what: 'another digest than that of the path',
    request: put(image.text, ociManifest, none),
    status: 400,
    code: 'DIGEST_INVALID',
    detail: { expected: none, actual: image.digest },
  },
  {
    what: 'an unknown digest algorithm',
    request: put(image.text, ociManifest, 'latest?digest-algorithm=md5'),
    status: 400,
    code: 'DIGEST_INVALID',
    detail: { algorithm: 'md5' },
  },
  { what: 'blobs that are not there', request: put(image.text), status: 404, code: 'MANIFEST_BLOB_UNKNOWN' },
  { what: 'children that are not there', request: put(index, ociIndex), status: 404, code: 'MANIFEST_BLOB_UNKNOWN' },
  {
    what: 'a tag parameter that is none',
    request: put(image.text, ociManifest, `${image.digest}?tag=ok&tag=.no`),
    status: 400,
    code: 'TAG_INVALID',
    detail: { tag: '.no' },
  },
  {
    what: 'more tags than one push may set',
    request: put(image.text, ociManifest, `${image.digest}?${manyTags}`),
    status: 414,
    code: 'TAG_INVALID',
    detail: { maxTags: 100, tags: 101 },
  },
];

testRefusals(
  () => server,
  refusals.map((refusal) => ({ ...refusal, what: `a manifest with ${refusal.what}` })),
);
