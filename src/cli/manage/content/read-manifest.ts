import { z } from 'zod';
import { type ContentClient, repositoryScope } from '../../content/index.ts';

/** Every form of a manifest that a registry may have. */
const accept = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.artifact.manifest.v1+json',
  '*/*;q=0.5',
].join(', ');

const document = z.looseObject({});

/** A manifest as it was pushed, by its tag or digest. */
export function readManifest(
  client: ContentClient,
  repository: string,
  reference: string,
): Promise<Record<string, unknown>> {
  const path = `/v2/${repository}/manifests/${reference}`;
  return client.json({ path, scope: repositoryScope(repository, 'pull'), accept, answer: document });
}
