import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CannotRun, type ClientTest } from './client-test.ts';
import { pull, same } from './pull.ts';

const plain = '--tls-verify=false';
const listTypes = {
  oci: 'application/vnd.oci.image.index.v1+json',
  v2s2: 'application/vnd.docker.distribution.manifest.list.v2+json',
};

export const buildah: ClientTest[] = [
  {
    name: 'builds on a base in the registry, pushes, pulls by digest and runs the result',
    needs: ['buildah', 'busybox'],
    async run({ registry, images, folder, run }) {
      const base = `${registry.host}/buildah/base:v1`;
      await run([
        'buildah',
        'push',
        '--quiet',
        plain,
        await busyboxIn(run, (await images.busybox()).layout),
        `docker://${base}`,
      ]);
      await run(['buildah', 'rmi', '--force', '--all']);
      await writeFile(
        join(folder, 'Containerfile'),
        `FROM ${base}\nRUN ["/bin/busybox", "touch", "/built"]\nCMD ["/bin/busybox", "ls", "/"]\n`,
      );
      const target = `${registry.host}/buildah/built:v1`;
      const build = [
        'buildah',
        'build',
        '--quiet',
        plain,
        '--isolation',
        'chroot',
        '--network',
        'host',
        '--tag',
        target,
        folder,
      ];
      await run(build).catch((error: Error) => {
        const forbidden = process.getuid?.() !== 0 && error.message.includes('not permitted');
        throw forbidden
          ? new CannotRun('this user has no subordinate ids (/etc/subuid) to run a build step with')
          : error;
      });
      const digestFile = join(folder, 'digest');
      await run(['buildah', 'push', '--quiet', plain, '--digestfile', digestFile, target]);
      const { root } = await pull(registry.url, 'buildah/built', 'v1');
      same('digest that buildah reports', (await Bun.file(digestFile).text()).trim(), root.digest);

      await run(['buildah', 'rmi', '--force', '--all']);
      const byDigest = `${registry.host}/buildah/built@${root.digest}`;
      const container = (await run(['buildah', 'from', '--quiet', plain, byDigest])).stdout.trim();
      // By its code: what a program says is lost now and then where buildah isolates it by chroot.
      await run(['buildah', 'run', '--isolation', 'chroot', container, '--', '/bin/busybox', 'test', '-e', '/built']);
      await run(['buildah', 'rm', container]);
    },
  },
  {
    name: 'pushes Docker schema 2, which comes back as such',
    needs: ['buildah', 'busybox'],
    async run({ registry, images, run }) {
      const name = await busyboxIn(run, (await images.busybox()).layout);
      await run([
        'buildah',
        'push',
        '--quiet',
        plain,
        '--format',
        'v2s2',
        name,
        `docker://${registry.host}/buildah/docker:v1`,
      ]);
      const { root, blobs } = await pull(registry.url, 'buildah/docker', 'v1');
      same('media type', root.mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
      same('number of blobs', blobs.size, 2);
      await run([
        'buildah',
        'pull',
        '--quiet',
        plain,
        '--policy',
        'always',
        `${registry.host}/buildah/docker@${root.digest}`,
      ]);
    },
  },
  {
    name: 'pushes an OCI index and a Docker manifest list with their images',
    needs: ['buildah', 'busybox'],
    async run({ registry, images, run }) {
      const { layout } = await images.multiArch();
      await run(['buildah', 'manifest', 'create', '--all', 'pushed', `oci:${layout}:latest`]);
      for (const [format, mediaType] of Object.entries(listTypes)) {
        const target = `docker://${registry.host}/buildah/list:${format}`;
        await run(['buildah', 'manifest', 'push', '--quiet', '--all', '--format', format, plain, 'pushed', target]);
        const pushed = await pull(registry.url, 'buildah/list', format);
        same('number of manifests', pushed.manifests.size, 3);
        same('media type', pushed.root.mediaType, mediaType);
      }
      await run(['buildah', 'manifest', 'rm', 'pushed']);
    },
  },
];

/** Loads an image into the storage of the sandbox; resolves with its id. */
async function busyboxIn(run: (command: string[]) => Promise<{ stdout: string }>, layout: string): Promise<string> {
  return (await run(['buildah', 'pull', '--quiet', `oci:${layout}:latest`])).stdout.trim();
}
