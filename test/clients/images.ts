import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CannotRun } from './client-test.ts';
import { hasTool, run } from './command.ts';
import { type Content, readLayout } from './content.ts';
import { writeLargeImage } from './large-image.ts';
import type { Sandbox } from './sandbox.ts';

/** An OCI layout with one image, tagged `latest`, and what is in it. */
export interface Image {
  layout: string;
  content: Content;
}

/** The images that clients push: made on this machine, each when first asked for. */
export interface Images {
  /** One static program; `/bin/busybox echo …` runs in it. */
  busybox(): Promise<Image>;
  /** The same with its layer as zstd. */
  zstd(): Promise<Image>;
  /** An index of busybox for amd64 and for arm64. */
  multiArch(): Promise<Image>;
  /** A small Debian with a shell. */
  debian(): Promise<Image>;
  /** One layer of 300 MiB. */
  large(): Promise<Image>;
}

const debianPackages =
  'base-files,dash,libc6,libc-bin,coreutils,libacl1,libattr1,libgmp10,libselinux1,libpcre2-8-0,libssl3';
const debianRelease = 'bookworm';

export function makeImages({ directory, environment }: Sandbox): Images {
  const call = (...command: string[]) => run(command, { environment });
  const layoutOf = (name: string) => join(directory, 'images', name);

  async function finished(layout: string): Promise<Image> {
    return { layout, content: await readLayout(layout) };
  }

  /** Builds an image from scratch and names it in the storage of the sandbox. */
  async function build(name: string, command: string, files: [from: string, to: string][], platform = 'amd64') {
    if (!hasTool('buildah')) throw new CannotRun('images are made by buildah, which is not installed');
    const container = (await call('buildah', 'from', 'scratch')).stdout.trim();
    // `add` unpacks archives and copies other files.
    for (const [from, to] of files) await call('buildah', 'add', '--quiet', container, from, to);
    const config = ['--arch', platform, '--cmd', JSON.stringify(command.split(' ')), '--label', `made.for=${name}`];
    await call('buildah', 'config', ...config, container);
    await call('buildah', 'commit', '--quiet', '--rm', container, name);
    return name;
  }

  function busyboxFile(): [from: string, to: string] {
    const path = Bun.which('busybox');
    if (path === null) throw new CannotRun('busybox is not installed');
    return [path, '/bin/busybox'];
  }

  const makers = {
    async busybox() {
      const layout = layoutOf('busybox');
      const name = await build('busybox', '/bin/busybox echo it runs', [busyboxFile()]);
      await call('buildah', 'push', '--quiet', name, `oci:${layout}:latest`);
      return finished(layout);
    },
    async zstd() {
      const layout = layoutOf('zstd');
      const name = await build('busybox-zstd', '/bin/busybox echo it runs', [busyboxFile()]);
      await call('buildah', 'push', '--quiet', '--compression-format', 'zstd', name, `oci:${layout}:latest`);
      return finished(layout);
    },
    async multiArch() {
      const layout = layoutOf('multi-arch');
      const file = busyboxFile();
      await call('buildah', 'manifest', 'create', 'multi-arch');
      for (const platform of ['amd64', 'arm64']) {
        const name = await build(`busybox-${platform}`, '/bin/busybox echo it runs', [file], platform);
        await call('buildah', 'manifest', 'add', '--arch', platform, '--os', 'linux', 'multi-arch', name);
      }
      await call('buildah', 'manifest', 'push', '--all', 'multi-arch', `oci:${layout}:latest`);
      return finished(layout);
    },
    async debian() {
      const layout = layoutOf('debian');
      const name = await build('debian', '/bin/dash -c ls', [[await debianArchive(environment), '/']]);
      await call('buildah', 'push', '--quiet', name, `oci:${layout}:latest`);
      return finished(layout);
    },
    async large() {
      const layout = layoutOf('large');
      await writeLargeImage(layout, 300);
      return finished(layout);
    },
  };
  return {
    busybox: once(makers.busybox),
    zstd: once(makers.zstd),
    multiArch: once(makers.multiArch),
    debian: once(makers.debian),
    large: once(makers.large),
  };
}

/** A root file system by mmdebstrap, kept in the cache of the user because it needs the network. */
async function debianArchive(environment: Record<string, string>): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bonded-ci');
  const archive = join(cache, `debian-${debianRelease}.tar`);
  if (existsSync(archive)) return archive;
  if (!hasTool('mmdebstrap')) throw new CannotRun('mmdebstrap is not installed');
  await mkdir(cache, { recursive: true });
  const unfinished = join(cache, `debian-${process.pid}.tar`);
  try {
    const command = ['mmdebstrap', '--variant=extract', `--include=${debianPackages}`, debianRelease, unfinished];
    await run(command, { environment });
  } catch (error) {
    throw new CannotRun(`mmdebstrap could not fetch Debian: ${(error as Error).message.split('\n').at(-2)}`);
  }
  await rename(unfinished, archive);
  return archive;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
