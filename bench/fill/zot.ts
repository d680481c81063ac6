import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, imageType } from '../client/content.ts';
import type { Filler } from './filler.ts';

interface Layout {
  manifests: { mediaType: string; digest: string; size: number; annotations?: Record<string, string> }[];
}

/** A repository of zot is an OCI layout, read anew for every request. */
export const fillZot: Filler = {
  async tags({ directory }, repository, manifest, names) {
    const [digest, size] = [digestOf(manifest), manifest.byteLength];
    changeIndex(join(directory, repository), ({ manifests }) => {
      for (const name of names) {
        const annotations = { 'org.opencontainers.image.ref.name': name };
        manifests.push({ mediaType: imageType, digest, size, annotations });
      }
    });
  },
  async referrers({ directory }, repository, added) {
    const layout = join(directory, repository);
    changeIndex(layout, ({ manifests }) => {
      for (const bytes of added) {
        const digest = digestOf(bytes);
        writeFileSync(join(layout, 'blobs', digest.replace(':', '/')), bytes);
        manifests.push({ mediaType: imageType, digest, size: bytes.byteLength });
      }
    });
  },
};

function changeIndex(layout: string, change: (index: Layout) => void): void {
  const file = join(layout, 'index.json');
  const index = JSON.parse(readFileSync(file, 'utf8')) as Layout;
  change(index);
  writeFileSync(file, JSON.stringify(index));
}
