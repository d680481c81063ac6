import { type Digest, digestOf, mediaTypes, type ParsedManifest, parseManifest } from '../oci/index.ts';

/*
 * All that histories push: few contents and few manifests that share them, so that a random walk meets every kind of
 * reference often. They are known by their place in these lists.
 */

export const contents = ['{}', 'alpha', 'beta', 'gamma', ''].map((text) => {
  const bytes = new TextEncoder().encode(text);
  return { bytes, digest: digestOf(bytes), size: bytes.byteLength };
});

export interface Variant {
  digest: Digest;
  bytes: Uint8Array;
  parsed: ParsedManifest;
  /** Contents that it references, and those of them that must be there. */
  blobs: number[];
  required: number[];
  /** Manifests that it lists. */
  children: number[];
  subject: number | undefined;
}

export const variants: Variant[] = [];

const layerType = 'application/vnd.oci.image.layer.v1.tar';
const foreignType = 'application/vnd.oci.image.layer.nondistributable.v1.tar';

function blob(place: number, mediaType = layerType) {
  const { digest, size } = contents[place]!;
  return { digest, size, mediaType };
}

function manifest(place: number) {
  const { bytes, digest, parsed } = variants[place]!;
  return { digest, size: bytes.byteLength, mediaType: parsed.mediaType };
}

function add(json: object, blobs: number[], more: { foreign?: number[]; children?: number[]; subject?: number } = {}) {
  const { foreign = [], children = [], subject } = more;
  const whole = { schemaVersion: 2, ...json, ...(subject !== undefined && { subject: manifest(subject) }) };
  const bytes = new TextEncoder().encode(JSON.stringify(whole));
  const parsed = parseManifest(bytes, (json as { mediaType: string }).mediaType);
  const digest = digestOf(bytes);
  variants.push({ digest, bytes, parsed, blobs: [...blobs, ...foreign], required: blobs, children, subject });
}

function image(blobs: number[], more: { foreign?: number[]; subject?: number } = {}) {
  const [config, ...layers] = blobs;
  const foreign = (more.foreign ?? []).map((place) => blob(place, foreignType));
  const json = {
    mediaType: mediaTypes.ociManifest,
    config: blob(config!, mediaTypes.ociConfig),
    layers: [...layers.map((place) => blob(place)), ...foreign],
  };
  add(json, blobs, more);
}

function index(children: number[], more: { blobs?: number[]; subject?: number } = {}) {
  const { blobs = [], ...rest } = more;
  const manifests = [...children.map(manifest), ...blobs.map((place) => blob(place))];
  add({ mediaType: mediaTypes.ociIndex, manifests }, blobs, { children, ...rest });
}

image([0, 1]);
image([0, 2, 3]);
image([0, 1], { subject: 0 });
image([4], { subject: 2 });
index([0, 1]);
index([2], { subject: 1 });
index([], { blobs: [2, 4] });
image([0], { foreign: [1], subject: 4 });

/** Repositories of two registries, two of which share a name. */
export const places = [
  { registry: 0, name: 'a' },
  { registry: 0, name: 'b/c' },
  { registry: 1, name: 'a' },
];

export const tagNames = ['latest', 'v1'];
