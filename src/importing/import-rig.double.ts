import { fetch } from '../../test/http/fetch.ts';
import { digestOf, ociIndex, pushBlob, pushImage, putManifest } from '../../test/http/registry.ts';
import { groupScope } from '../operations/index.ts';

const version = 'api-version=2025-11-01';
export const idOfRegistry = (name: string) => `${groupScope}/providers/Microsoft.ContainerRegistry/registries/${name}`;

export interface OperationStatus {
  status: string;
  percentComplete?: number;
  error?: { code: string; message: string };
  properties?: {
    digest?: string;
    manifests?: number;
    progress?: {
      phase: string;
      digest?: string;
      manifests: { done: number; total: number };
      blobs: { done: number; total: number };
      bytes: { done: number; total: number };
    };
  };
}

interface Place {
  url: string;
}

/** Begins an import; the answer as it is. */
export function postImport(
  { url }: Place,
  body: object,
  registry = 'default',
  init: RequestInit = {},
): Promise<Response> {
  return fetch(`${url}${idOfRegistry(registry)}/importImage?${version}`, {
    method: 'POST',
    body: JSON.stringify(body),
    ...(init as BunFetchRequestInit),
    headers: { 'Content-Type': 'application/json', ...(init.headers as Record<string, string>) },
  });
}

/** Begins one that is accepted; resolves with the path of its status. */
export async function beginImport(place: Place, body: object, registry = 'default'): Promise<string> {
  const answer = await postImport(place, body, registry);
  if (answer.status !== 202) throw new Error(`importImage answered ${answer.status}: ${await answer.text()}`);
  const { pathname, search } = new URL(answer.headers.get('azure-asyncoperation')!);
  return `${pathname}${search}`;
}

export async function statusOf({ url }: Place, path: string): Promise<OperationStatus> {
  const answer = await fetch(`${url}${path}`);
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as OperationStatus;
}

/** Imports; resolves with the status once it has ended. */
export async function importInto(place: Place, body: object, registry = 'default'): Promise<OperationStatus> {
  return ended(place, await beginImport(place, body, registry));
}

export async function ended(place: Place, path: string): Promise<OperationStatus> {
  return until(async () => {
    const status = await statusOf(place, path);
    return status.status === 'InProgress' ? undefined : status;
  });
}

/** What `look` finds once it finds something. */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined, ms = 180_000): Promise<T> {
  for (const end = Date.now() + ms; ; await Bun.sleep(20)) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`it did not come to pass within ${ms} ms`);
  }
}

export async function createRegistry({ url }: Place, name: string): Promise<void> {
  const answer = await fetch(`${url}${idOfRegistry(name)}?${version}`, {
    method: 'PUT',
    body: JSON.stringify({ location: 'local', sku: { name: 'Premium' }, properties: {} }),
    headers: { 'Content-Type': 'application/json' },
  });
  if (!answer.ok) throw new Error(`the registry was not created: ${answer.status} ${await answer.text()}`);
}

/** An answer of another registry of a server than the default one. */
export const askRegistry = ({ url }: Place, registry: string, path: string, init: BunFetchRequestInit = {}) =>
  fetch(`${url}${path}`, {
    ...init,
    headers: { ...(init.headers as object), Host: `${registry.toLowerCase()}.localhost` },
  });

const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 };

export interface PushedTree {
  /** Of the index, of its images, of a signature of the index, of one of an image, and of a signature of the first. */
  index: string;
  images: string[];
  signatures: string[];
  all: string[];
}

/** Pushes an index of two images under a tag, with signatures, and one of a signature. */
export async function pushTree(url: string, name: string, tag: string): Promise<PushedTree> {
  const images = [await pushImage(url, name), await pushImage(url, name)];
  const manifests = images.map(({ digest, text }, at) => ({
    mediaType: ociManifest,
    digest,
    size: text.length,
    platform: { os: 'linux', architecture: at === 0 ? 'amd64' : 'arm64' },
  }));
  const index = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests });
  await requireCreated(await putManifest(url, name, tag, index, ociIndex));
  const sign = async (digest: string, size: number, mediaType: string) => {
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifest,
      artifactType: 'application/vnd.example.signature',
      config: empty,
      layers: [empty],
      subject: { mediaType, digest, size },
      annotations: { of: digest },
    });
    await pushBlob(url, name, '{}');
    await requireCreated(await putManifest(url, name, digestOf(text), text));
    return { digest: digestOf(text), size: text.length };
  };
  const ofIndex = await sign(digestOf(index), index.length, ociIndex);
  const ofImage = await sign(images[0]!.digest, images[0]!.text.length, ociManifest);
  const ofSignature = await sign(ofIndex.digest, ofIndex.size, ociManifest);
  const signatures = [ofIndex, ofImage, ofSignature].map(({ digest }) => digest);
  const own = images.map(({ digest }) => digest);
  return { index: digestOf(index), images: own, signatures, all: [digestOf(index), ...own, ...signatures] };
}

async function requireCreated(answer: Response): Promise<void> {
  if (answer.status !== 201) throw new Error(`PUT manifest answered ${answer.status}: ${await answer.text()}`);
}

/** Another registry that answers as a test wants it to. */
export function startOtherRegistry(answer: (request: Request, path: string) => Response | Promise<Response>): {
  uri: string;
  asked: string[];
  [Symbol.asyncDispose](): Promise<void>;
} {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 120,
    fetch(request) {
      const { pathname, search } = new URL(request.url);
      asked.push(`${request.method} ${pathname}${search}`);
      return answer(request, pathname);
    },
  });
  return {
    uri: `http://127.0.0.1:${server.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** Content that another registry serves, by digest and by tag. */
export function contentOf(
  blobs: readonly (string | Uint8Array<ArrayBuffer>)[],
  manifests: Record<string, { text: string; type?: string }>,
): (path: string) => Response {
  const byDigest = new Map(blobs.map((bytes) => [digestOf(bytes), bytes]));
  const all = new Map<string, { text: string; type?: string }>();
  for (const [tag, manifest] of Object.entries(manifests)) {
    all.set(tag, manifest);
    all.set(digestOf(manifest.text), manifest);
  }
  return (path) => {
    const [, kind, reference] = /\/(blobs|manifests|referrers)\/([^/]+)$/.exec(path) ?? [];
    const blob = kind === 'blobs' ? byDigest.get(reference!) : undefined;
    if (blob !== undefined) return new Response(blob);
    const manifest = kind === 'manifests' ? all.get(reference!) : undefined;
    if (manifest) return new Response(manifest.text, { headers: { 'Content-Type': manifest.type ?? ociManifest } });
    return Response.json({ errors: [{ code: 'NOT_FOUND' }] }, { status: 404 });
  };
}
