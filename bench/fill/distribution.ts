import { linkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../client/content.ts';
import type { Filler } from './fill.ts';

/** Below the most that ext4 gives to one file. */
const linksOfFile = 60_000;

export const fillDistribution: Filler = {
  async tags({ directory }, repository, manifest, names) {
    const repositories = join(directory, 'docker/registry/v2/repositories');
    const tags = join(repositories, repository, '_manifests/tags');
    let file = '';
    for (const [at, name] of names.entries()) {
      if (at % linksOfFile === 0) {
        file = `${directory}.tag-${at}`;
        writeFileSync(file, digestOf(manifest));
      }
      // A list reads the names in this directory and not what they name; directories would take minutes to make.
      linkSync(file, join(tags, name));
    }
  },
  referrers: undefined,
};
