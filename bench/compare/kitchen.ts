import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../test/clients/command.ts';

/** A command takes minutes where a package registry is slow. */
const limitMs = 15 * 60_000;

/** What recipes of images are made with. */
export interface Kitchen {
  /** An empty directory of this recipe's own. */
  directory: string;
  /** Runs a command on this machine; what it prints is returned, and thrown where it fails. */
  run(command: readonly string[], options?: { cwd?: string; environment?: Record<string, string> }): Promise<string>;
  /** Runs a command inside of a root file system, with processes of its own and this machine's network. */
  inRoot(root: string, command: readonly string[]): Promise<string>;
}

export function createKitchen(directory: string): Kitchen {
  const here: Kitchen['run'] = async (command, { cwd = directory, environment = {} } = {}) => {
    const inherited = Object.fromEntries(
      Object.entries(process.env).flatMap(([key, value]) => (value ? [[key, value]] : [])),
    );
    const { stdout } = await run(command, { environment: { ...inherited, ...environment }, cwd, limitMs });
    return stdout;
  };
  return {
    directory,
    run: here,
    async inRoot(root, command) {
      const resolver = join(root, 'etc', 'resolv.conf');
      await cp('/etc/resolv.conf', resolver);
      try {
        const apart = ['unshare', '--mount', '--pid', '--fork', `--mount-proc=${join(root, 'proc')}`];
        const environment = [
          'env',
          '-i',
          'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
          'LANG=C.UTF-8',
          'HOME=/root',
          'DEBIAN_FRONTEND=noninteractive',
        ];
        return await here([...apart, 'chroot', root, ...environment, ...command]);
      } finally {
        await rm(resolver, { force: true });
      }
    },
  };
}

/** Writes files by their paths below a directory. */
export async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
}
