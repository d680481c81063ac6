import { gzipSync } from 'node:zlib';
import { configDescriptor, digestOf, ociManifest, pushBlob, putManifest } from '../../test/http/registry.ts';
import { registry as registryId } from '../../test/support/management.ts';
import { fetch } from '../../test/http/fetch.ts';
import { archiveOf, type DoubleEntry } from '../inventory/archive.double.ts';

const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const version = 'api-version=2025-11-01';

/** A layer, packed as clients do it. */
export const layerOf = (entries: readonly DoubleEntry[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(gzipSync(archiveOf(entries), { level: 1 }));

/** What pip leaves of a package. */
export const distInfo = (name: string, of: string): DoubleEntry => ({
  name: `usr/lib/python3.12/site-packages/${name}-${of}.dist-info/METADATA`,
  content: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${of}\n\n`,
});

/** Pushes an image of these layers; resolves with its digest. */
export async function pushLayers(
  url: string,
  name: string,
  tag: string,
  layers: readonly Uint8Array<ArrayBuffer>[],
  config = '{"architecture":"amd64","os":"linux"}',
): Promise<string> {
  await pushBlob(url, name, config);
  for (const layer of layers) await pushBlob(url, name, layer);
  const descriptors = layers.map((layer) => ({
    mediaType: layerType,
    digest: digestOf(layer),
    size: layer.byteLength,
  }));
  const manifest = { schemaVersion: 2, mediaType: ociManifest, config: configDescriptor(config), layers: descriptors };
  const answer = await putManifest(url, name, tag, JSON.stringify(manifest));
  if (answer.status !== 201) throw new Error(`PUT manifest answered ${answer.status}: ${await answer.text()}`);
  return digestOf(JSON.stringify(manifest));
}

export interface ShownScan {
  state: string;
  status?: string;
  error?: string;
  attempts?: number;
  components?: number;
  summary?: Record<string, number>;
  warnings?: { code: string }[];
  engines?: { name: string; state: string; error?: string }[];
}

const idOf = (repository: string, digest: string) =>
  `${registryId}/repositories/${encodeURIComponent(repository)}/manifests/${encodeURIComponent(digest)}/scans/latest`;

/** What the management API says of a scan. */
export async function showScan(url: string, repository: string, digest: string): Promise<ShownScan> {
  const answer = await fetch(`${url}${idOf(repository, digest)}?${version}`);
  if (!answer.ok) throw new Error(`GET scan answered ${answer.status}: ${await answer.text()}`);
  return ((await answer.json()) as { properties: ShownScan }).properties;
}

export async function askScan<T>(
  url: string,
  repository: string,
  digest: string,
  action: string,
  input = {},
): Promise<T> {
  const headers = { 'Content-Type': 'application/json' };
  const target = `${url}${idOf(repository, digest)}/${action}?${version}`;
  const answer = await fetch(target, { method: 'POST', body: JSON.stringify(input), headers });
  if (!answer.ok) throw new Error(`POST ${action} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Waits until a scan is as it should be, for as long as a busy machine may need. */
export async function scanned(
  url: string,
  repository: string,
  digest: string,
  is: (scan: ShownScan) => boolean = ({ state }) => state === 'Done' || state === 'Failed',
): Promise<ShownScan> {
  for (const end = Date.now() + 90_000; ; await Bun.sleep(50)) {
    const scan = await showScan(url, repository, digest);
    if (is(scan)) return scan;
    if (Date.now() > end) throw new Error(`it has not become so within 90 s: ${JSON.stringify(scan)}`);
  }
}
