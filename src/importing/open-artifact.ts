import { createHash } from 'node:crypto';
import {
  type Digest,
  digestAlgorithm,
  digestHex,
  digestOf,
  maxManifestBytes,
  mediaTypes,
  parseDigest,
  parseManifest,
} from '../oci/index.ts';
import type { Outbound } from '../outbound/index.ts';
import type { ImportSecret } from './config.ts';
import { importFailed } from './failure.ts';
import { parseSourceImage } from './image-name.ts';
import { openBlob } from './remote/blob-body.ts';
import { readSecret } from './remote/credentials.ts';
import { createRegistryClient } from './remote/registry-client.ts';
import { placeOf, requireSecret } from './request.ts';

/** Nobody but us looks after a layer that has stopped coming (ms). */
const usualStallMs = 60_000;

export interface ArtifactLayer {
  mediaType: string;
  digest: Digest;
  /** Bytes. */
  size: number;
  annotations: Readonly<Record<string, string>>;
  /** Its bytes; the last read throws where they are not those of the digest. */
  read(): AsyncIterable<Uint8Array>;
}

/** An artifact of another registry, whose layers are read as they are wanted. */
export interface RemoteArtifact {
  digest: Digest;
  /** HOST/REPOSITORY:TAG. */
  name: string;
  artifactType: string;
  layers: ArtifactLayer[];
}

export interface OpenArtifactOptions {
  outbound: Outbound;
  secrets: readonly ImportSecret[];
  /** Name of one of them. */
  secret?: string | undefined;
  signal: AbortSignal;
  /** After how long a layer of which nothing comes is asked for again (ms); a minute where it is left out. */
  stallMs?: number | undefined;
}

/** Opens HOST/REPOSITORY:TAG, with a token of its registry. Throws OutboundError, or a ManagementError that says what is wrong. */
export async function openArtifact(
  reference: string,
  { outbound, secrets, secret, signal, stallMs = usualStallMs }: OpenArtifactOptions,
): Promise<RemoteArtifact> {
  const [, host = '', text = ''] = /^((?:https?:\/\/)?[^/]+)\/(.+)$/i.exec(reference) ?? [];
  const { origin, image } = placeOf(host, parseSourceImage(text));
  const { repository } = image;
  const name = `${new URL(origin).host}/${text}`;
  const credentials = async () => {
    if (secret === undefined) return undefined;
    const found = secrets.find((one) => one.name === secret);
    // It goes to its own registry alone.
    return found && placeOf(found.registry).origin === origin
      ? readSecret(requireSecret(secrets, secret, origin))
      : undefined;
  };
  const client = createRegistryClient({ outbound, origin, repository, signal, credentials });
  const { reference: wanted } = image;
  const path = `manifests/${'tag' in wanted ? wanted.tag : wanted.digest}`;
  const accept = `${mediaTypes.ociManifest}, ${mediaTypes.dockerManifest}`;
  const { status, headers, bytes } = await client.read(path, { accept, maxBytes: maxManifestBytes });
  if (status !== 200) throw importFailed(`${client.host} answered with ${status} for ${name}`);
  const said = 'digest' in wanted ? wanted.digest : parseDigest(headers.get('docker-content-digest') ?? '');
  const digest = digestOf(bytes, said && digestAlgorithm(said));
  if (said && said !== digest) throw importFailed(`${client.host} answered with another manifest than ${said}`);
  const parsed = parseManifest(bytes, headers.get('content-type') ?? '');
  return { digest, name, ...layersOf(parsed, bytes, (layer) => readBlob(client, layer, stallMs)) };
}

/** What a manifest says of an artifact. */
export function layersOf(
  { references, artifactType = '' }: ReturnType<typeof parseManifest>,
  bytes: Uint8Array,
  read: (layer: { digest: Digest; size: number }) => AsyncIterable<Uint8Array>,
): Pick<RemoteArtifact, 'artifactType' | 'layers'> {
  // It was parsed before, which keeps no annotations of layers.
  const json = JSON.parse(new TextDecoder().decode(bytes)) as { layers?: { annotations?: Record<string, string> }[] };
  const layers = references
    .filter(({ role }) => role === 'layer')
    .map(({ mediaType, digest, size }, at) => ({
      mediaType,
      digest,
      size,
      annotations: json.layers?.[at]?.annotations ?? {},
      read: () => verified(read({ digest, size }), digest),
    }));
  return { artifactType, layers };
}

async function* readBlob(
  client: ReturnType<typeof createRegistryClient>,
  layer: { digest: Digest; size: number },
  stallMs: number,
): AsyncGenerator<Uint8Array> {
  const body = await openBlob(client, layer, () => {}, stallMs);
  if (!body) throw importFailed(`${client.host} does not have the blob ${layer.digest}, which its manifest names`);
  yield* body.stream;
}

async function* verified(bytes: AsyncIterable<Uint8Array>, digest: Digest): AsyncGenerator<Uint8Array> {
  const hash = createHash(digestAlgorithm(digest));
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== digestHex(digest)) throw importFailed(`the bytes of ${digest} are others than it says`);
}
