import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../client/content.ts';
import type { Peer } from '../peers/start.ts';
import type { Filler } from './filler.ts';

/** Below the most that ext4 gives to one file. */
const linksOfFile = 60_000;

/** A tag is a directory. Lists read its name, and not what is in it: the digest and its history. */
export const fillDistribution: Filler = {
  async tags(peer, repository, _, names) {
    const tags = tagsDirectory(peer, repository);
    for (const name of names) mkdirSync(join(tags, name));
  },
  referrers: undefined,
};

/** Version 2 does not even look whether the names are those of directories; links are made and removed much faster. */
export const fillDistribution2: Filler = {
  async tags(peer, repository, manifest, names) {
    const tags = tagsDirectory(peer, repository);
    let file = '';
    for (const [at, name] of names.entries()) {
      if (at % linksOfFile === 0) {
        file = `${peer.directory}.tag-${at}`;
        writeFileSync(file, digestOf(manifest));
      }
      linkSync(file, join(tags, name));
    }
  },
  referrers: undefined,
};

function tagsDirectory({ directory }: Peer, repository: string): string {
  return join(directory, 'docker/registry/v2/repositories', repository, '_manifests/tags');
}
