import { writeFileSync } from 'node:fs';
import { firstLine, type Server } from './server.ts';

/**
 * zot on files as it comes, with deduplication. Two settings differ from its defaults: `commit`, so that it syncs what
 * it acknowledges as Bonded does, and no garbage collection, so that none falls into a measurement.
 */
export const zot: Server = {
  title: 'zot',
  program: () => Bun.which('zot'),
  version: (program) => versionIn(firstLine([program, '--version'])),
  command(program, directory, port) {
    const file = `${directory}.json`;
    const config = {
      distSpecVersion: '1.1.1',
      storage: { rootDirectory: directory, dedupe: true, commit: true, gc: false },
      http: { address: '127.0.0.1', port: `${port}` },
      log: { level: 'error' },
    };
    writeFileSync(file, JSON.stringify(config));
    return [program, 'serve', file];
  },
};

/** It tells of itself in a line of its log. */
function versionIn(line: string): string {
  const { commit, 'binary-type': type } = JSON.parse(line) as Record<string, string>;
  return ['zot', commit, type].filter(Boolean).join(' ');
}
