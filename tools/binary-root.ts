import { chmod, copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** User and group of the image; the same number as in deploy/Containerfile. */
const user = 65_532;

/**
 * Adds to a root file system what the program in it needs there, and nothing else: the loader and the libraries of
 * glibc that it was linked with, from this machine; names for its user; the directory of its data. Beyond that it needs
 * /proc. Name resolution and the authorities of TLS are in glibc and in Bun.
 */
export async function fillRoot(root: string, program: string): Promise<void> {
  for (const path of await librariesOf(program)) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await copyFile(path, join(root, path));
  }
  await Bun.write(join(root, 'etc/passwd'), `bonded:x:${user}:${user}::/var/lib/bonded:/sbin/nologin\n`);
  await Bun.write(join(root, 'etc/group'), `bonded:x:${user}:\n`);
  await mkdir(join(root, 'var/lib/bonded'), { recursive: true });
  // Whatever the umask of whoever builds it is, the user inside can read it, and the image is the same.
  for (const entry of await readdir(root, { recursive: true })) {
    const path = join(root, entry);
    const { mode } = await stat(path);
    await chmod(path, mode & 0o100 ? 0o755 : 0o644);
  }
  await chmod(join(root, 'var/lib/bonded'), 0o700);
}

/** Absolute paths of the loader and the libraries, as the loader itself names them (ld.so(8)). */
async function librariesOf(program: string): Promise<string[]> {
  const child = Bun.spawn([program], { env: { LD_TRACE_LOADED_OBJECTS: '1' }, stdout: 'pipe' });
  const paths = (await new Response(child.stdout).text()).match(/\/\S+/g) ?? [];
  if (!paths.some((path) => path.endsWith('/libc.so.6'))) {
    throw new Error('a root file system can only be made on a system with glibc, such as Debian');
  }
  return paths;
}
