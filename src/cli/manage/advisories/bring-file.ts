import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  bundleArtifactType,
  bundleLayerType,
  layerKeys,
  openFile,
  type OpenSource,
  writeDirectory,
} from '../../../advisories/index.ts';
import { digestOf, mediaTypes } from '../../../oci/index.ts';
import { type ContentClient, digestOfBytes, pushBlob, pushManifest } from '../../content/index.ts';
import { UsageError } from '../../failure.ts';
import { blobPath, isLayout, readLayout } from './layout.ts';

/** Where files of the machine of whoever runs the command lie in a registry, for the server to read them. */
export const defaultRepository = 'bonded/advisories';
const fileTag = 'upload';

/** An artifact that is one file of advisories. */
const fileArtifactType = 'application/vnd.bonded.advisories.file.v1';
const fileLayerType = 'application/vnd.bonded.advisories.file.v1.data';
const emptyType = 'application/vnd.oci.empty.v1+json';
const empty = new TextEncoder().encode('{}');

/** Most bytes of a directory of records, packed. */
const maxBytes = 16 * 2 ** 30;

export interface BringOptions {
  path: string;
  repository: string;
  ecosystem?: string | undefined;
  progress(text: string, share?: number): void;
}

/**
 * Pushes a file, a directory of OSV records or an OCI layout to a repository of the registry, so that the server can read it
 * from there. Resolves with the digest of the artifact.
 */
export async function bringFile(client: ContentClient, options: BringOptions): Promise<string> {
  const { path, ecosystem } = options;
  const found = await stat(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`--from: ${path} ${code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`}`);
  });
  if (!found.isDirectory()) {
    await using file = await openFile(path);
    const annotations = {
      'org.opencontainers.image.title': basename(path),
      ...(ecosystem !== undefined && { [layerKeys.ecosystem]: ecosystem }),
    };
    return await pushArtifact(client, options, {
      file,
      mediaType: fileLayerType,
      annotations,
      artifactType: fileArtifactType,
    });
  }
  if (await isLayout(path)) return pushLayout(client, options);
  options.progress('reading');
  const { file, feed } = await writeDirectory(path, { ecosystem, maxBytes });
  await using _ = file;
  const annotations = { 'org.opencontainers.image.title': basename(path), [layerKeys.feed]: feed };
  return await pushArtifact(client, options, {
    file,
    mediaType: bundleLayerType,
    annotations,
    artifactType: bundleArtifactType,
  });
}

interface Pushed {
  file: OpenSource;
  mediaType: string;
  annotations: Record<string, string>;
  artifactType: string;
}

async function pushArtifact(
  client: ContentClient,
  { repository, progress }: BringOptions,
  { file, mediaType, annotations, artifactType }: Pushed,
): Promise<string> {
  const digest = await digestOfBytes(file);
  await pushBlob(client, repository, { digest, bytes: file }, (share) => progress('sending', share));
  const config = { mediaType: emptyType, digest: digestOf(empty), size: empty.length };
  await pushBlob(client, repository, { digest: config.digest, bytes: { size: empty.length, read: async () => empty } });
  const layers = [{ mediaType, digest, size: file.size, annotations }];
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType, config, layers };
  return pushManifest(client, { repository, tag: fileTag }, JSON.stringify(manifest), mediaTypes.ociManifest);
}

/** As it is: another server has made it. */
async function pushLayout(client: ContentClient, { path, repository, progress }: BringOptions): Promise<string> {
  const { bytes, parsed } = await readLayout(path);
  for (const [at, blob] of parsed.references.entries()) {
    await using file = await openFile(blobPath(path, blob.digest));
    await pushBlob(client, repository, { digest: blob.digest, bytes: file }, (share) =>
      progress(`sending blob ${at + 1} of ${parsed.references.length}`, (at + share) / parsed.references.length),
    );
  }
  return pushManifest(client, { repository, tag: fileTag }, new TextDecoder().decode(bytes), parsed.mediaType);
}
