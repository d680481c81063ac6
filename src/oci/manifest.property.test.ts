import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { RegistryError } from '../errors/index.ts';
import { type Digest, digestOf } from './digest.ts';
import { distinctReferences, type ParsedManifest, parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 1_000);
const timeout = 5_000 + numRuns;

const name = fc.string({ unit: fc.constantFrom(...'abz09.+-_'), maxLength: 12 }).map((rest) => `a${rest}`);
const mediaType = fc.oneof(
  fc.tuple(name, name).map((parts) => parts.join('/')),
  fc.constantFrom(...Object.values(mediaTypes), 'application/vnd.docker.image.rootfs.foreign.diff.tar'),
);
const annotations = fc.dictionary(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  { maxKeys: 2 },
);
const descriptor = fc.record(
  {
    mediaType,
    digest: fc.constantFrom<Digest[]>(...['a', 'b', 'c', 'd'].map((seed) => digestOf(seed))),
    size: fc.nat(),
    annotations,
    urls: fc.constant(['https://vendor.example/layer']),
  },
  { requiredKeys: ['mediaType', 'digest', 'size'] },
);
const descriptors = fc.array(descriptor, { maxLength: 3 });
const common = { subject: descriptor, annotations, artifactType: fc.tuple(name, name).map((parts) => parts.join('/')) };
const valid = fc.oneof(
  fc.record(
    {
      schemaVersion: fc.constant(2),
      mediaType: fc.constantFrom(mediaTypes.ociManifest, mediaTypes.dockerManifest),
      config: descriptor,
      layers: descriptors,
      ...common,
    },
    { requiredKeys: ['schemaVersion', 'mediaType', 'config', 'layers'] },
  ),
  fc.record(
    {
      schemaVersion: fc.constant(2),
      mediaType: fc.constantFrom(mediaTypes.ociIndex, mediaTypes.dockerList),
      manifests: descriptors,
      ...common,
    },
    { requiredKeys: ['schemaVersion', 'mediaType', 'manifests'] },
  ),
  fc.record(
    { mediaType: fc.constant(mediaTypes.ociArtifact), blobs: descriptors, ...common },
    { requiredKeys: ['mediaType'] },
  ),
);

/** What must be true of whatever is accepted: nothing was invented, nothing that must be checked is missing. */
// oxlint-disable-next-line typescript/no-explicit-any -- it is JSON
function expectFacts(parsed: ParsedManifest, json: any) {
  const listed = [...(json.config ? [json.config] : []), ...(json.layers ?? json.manifests ?? json.blobs ?? [])];
  expect(parsed.references.map(({ digest, size, mediaType: type }) => ({ digest, size, mediaType: type }))).toEqual(
    listed.map(({ digest, size, mediaType: type }) => ({ digest, size, mediaType: type })),
  );
  expect(parsed.subject?.digest).toBe(json.subject?.digest);
  expect(Object.entries(parsed.annotations ?? {})).toEqual(Object.entries(json.annotations ?? {}));
  const distinct = distinctReferences(parsed);
  expect(distinct.map(({ digest }) => digest)).toEqual([...new Set(listed.map(({ digest }) => digest))].toSorted());
  for (const { role, required, mediaType: type } of parsed.references) {
    if (!required) expect([role, /nondistributable|foreign/.test(type)]).toEqual(['layer', true]);
  }
}

/** Parses what may be anything; the only error that may leave is the typed one. */
function tryParse(bytes: Uint8Array, contentType: string): ParsedManifest | undefined {
  try {
    return parseManifest(bytes, contentType);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    expect(['MANIFEST_INVALID', 'SIZE_INVALID']).toContain(error.code);
    expect(JSON.stringify(error.detail)?.length ?? 0).toBeLessThan(500);
    expect(error.message.length).toBeLessThan(600);
    return undefined;
  }
}

const encode = (text: string) => new TextEncoder().encode(text);

describe('parseManifest', () => {
  test(
    'accepts every valid manifest, with its facts',
    () => {
      const check = (json: { mediaType: string }, space: number) => {
        const parsed = parseManifest(encode(JSON.stringify(json, undefined, space)), json.mediaType);
        expect(parsed.mediaType).toBe(json.mediaType);
        expectFacts(parsed, json);
      };
      fc.assert(fc.property(valid, fc.nat(2), check), { numRuns });
    },
    timeout,
  );

  test(
    'throws nothing but RegistryError for a manifest with one value replaced, and tells no lie about the rest',
    () => {
      const odd = fc.oneof(
        fc.constantFrom<unknown[]>(
          null,
          true,
          -1,
          1e21,
          '',
          [],
          {},
          [[]],
          'sha256:',
          Number.MAX_SAFE_INTEGER + 1,
          '\ud800',
        ),
        fc.jsonValue({ maxDepth: 3 }),
      );
      const check = (json: { mediaType: string }, position: number, value: unknown) => {
        const places: [Record<string, unknown>, string][] = [];
        const visit = (node: unknown) => {
          if (typeof node !== 'object' || node === null) return;
          for (const [key, inner] of Object.entries(node)) {
            places.push([node as Record<string, unknown>, key]);
            visit(inner);
          }
        };
        const copy = JSON.parse(JSON.stringify(json)) as Record<string, unknown>;
        visit(copy);
        const [node, key] = places[position % places.length]!;
        node[key] = value;
        const text = JSON.stringify(copy);
        const parsed = tryParse(encode(text), json.mediaType);
        if (parsed) expectFacts(parsed, JSON.parse(text));
      };
      fc.assert(fc.property(valid, fc.nat(), odd, check), { numRuns });
    },
    timeout,
  );

  test(
    'throws nothing but RegistryError for a manifest with bytes changed',
    () => {
      const check = (json: { mediaType: string }, at: number, cut: number, insert: Uint8Array) => {
        const bytes = encode(JSON.stringify(json));
        const from = at % (bytes.length + 1);
        const changed = Buffer.concat([
          bytes.subarray(0, from),
          insert,
          bytes.subarray(Math.min(bytes.length, from + cut)),
        ]);
        const parsed = tryParse(changed, json.mediaType);
        if (parsed) expectFacts(parsed, JSON.parse(changed.toString()));
      };
      const insert = fc.oneof(
        fc.uint8Array({ maxLength: 4 }),
        fc.constantFrom(...['{', '"', '[', '\\', '}', ',', '0'].map(encode)),
      );
      fc.assert(fc.property(valid, fc.nat(), fc.nat(3), insert, check), { numRuns });
    },
    timeout,
  );

  test(
    'throws nothing but RegistryError for any JSON and for any bytes',
    () => {
      const contentType = fc.oneof(
        fc.constantFrom(...Object.values(mediaTypes), '', 'application/json'),
        fc.string({ unit: 'binary' }),
      );
      const bytes = fc.oneof(fc.uint8Array(), fc.json().map(encode), fc.string({ unit: 'binary' }).map(encode));
      fc.assert(
        fc.property(bytes, contentType, (data, type) => void tryParse(data, type)),
        { numRuns },
      );
    },
    timeout,
  );
});
