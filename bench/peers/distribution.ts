import { writeFileSync } from 'node:fs';
import { firstLine, type Server } from './server.ts';

const titles = { 'docker-registry': 'docker-registry', registry: 'Distribution 3' };

/**
 * Distribution of the CNCF: version 2 as Debian has it (`docker-registry`), version 3 by its own name (`registry`).
 * Configured as its documentation shows: files, the cache of blob descriptors in memory, deletes; no log line a request.
 */
export function distribution(name: keyof typeof titles): Server {
  return {
    title: titles[name],
    program() {
      const program = Bun.which(name);
      // Other registries call their program the same.
      return program !== null && firstLine([program, '--version']).includes('distribution') ? program : null;
    },
    // It begins with the path by which it was called.
    version: (program) => firstLine([program, '--version']).replace(/^\S*\//, ''),
    command(program, directory, port) {
      const file = `${directory}.yml`;
      writeFileSync(
        file,
        `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  cache: { blobdescriptor: inmemory }
  filesystem: { rootdirectory: ${directory} }
  delete: { enabled: true }
http: { addr: "127.0.0.1:${port}", secret: of-this-benchmark }
`,
      );
      return [program, 'serve', file];
    },
  };
}
