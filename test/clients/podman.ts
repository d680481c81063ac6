import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetch } from '../http/fetch.ts';
import { CannotRun, type ClientTest, type Stage } from './client-test.ts';
import { hasTool } from './command.ts';
import type { Manifest } from './content.ts';
import { pull, same } from './pull.ts';

const needs = ['podman', 'buildah', 'busybox'];
const plain = '--tls-verify=false';

/** Loads the busybox image and pushes it; resolves with the digest that podman reports. */
async function push({ registry, images, folder, run }: Stage, repository: string, ...flags: string[]): Promise<string> {
  const { layout } = await images.busybox();
  const id = (await run(['podman', 'pull', '--quiet', `oci:${layout}:latest`])).stdout.trim();
  const digestFile = join(folder, 'digest');
  await run([
    'podman',
    'push',
    '--quiet',
    plain,
    ...flags,
    '--digestfile',
    digestFile,
    id,
    `${registry.host}/${repository}:v1`,
  ]);
  await run(['podman', 'rmi', '--force', id]);
  return (await Bun.file(digestFile).text()).trim();
}

export const podman: ClientTest[] = [
  {
    name: 'pushes an image and pulls it by tag and by digest',
    needs,
    async run(stage) {
      const { registry, run } = stage;
      const digest = await push(stage, 'podman/busybox');
      same('digest that podman reports', digest, (await pull(registry.url, 'podman/busybox', 'v1')).root.digest);
      for (const reference of [':v1', `@${digest}`]) {
        const image = `${registry.host}/podman/busybox${reference}`;
        await run(['podman', 'pull', '--quiet', plain, image]);
        const found = await run(['podman', 'image', 'inspect', '--format', '{{.Digest}}', image]);
        same('digest that podman pulled', found.stdout.trim(), digest);
        await run(['podman', 'rmi', '--force', image]);
      }
    },
  },
  {
    name: 'builds an image and pushes it with zstd layers, which come back as such',
    needs,
    async run({ registry, folder, run }) {
      const image = `${registry.host}/podman/zstd:v1`;
      // New bytes: of a layer that it has pushed as gzip, podman would reuse that one.
      await writeFile(join(folder, 'bytes'), randomBytes(100_000));
      await writeFile(join(folder, 'Containerfile'), 'FROM scratch\nCOPY bytes /bytes\n');
      await run(['podman', 'build', '--quiet', '--isolation', 'chroot', '--network', 'host', '--tag', image, folder]);
      await run(['podman', 'push', '--quiet', plain, '--compression-format', 'zstd', image]);
      const answer = await fetch(`${registry.url}/v2/podman/zstd/manifests/v1`);
      const { layers = [] } = (await answer.json()) as Manifest;
      same('media type of the layer', layers[0]?.mediaType, 'application/vnd.oci.image.layer.v1.tar+zstd');
      await pull(registry.url, 'podman/zstd', 'v1');
      await run(['podman', 'rmi', '--force', image]);
      await run(['podman', 'pull', '--quiet', plain, image]);
    },
  },
  {
    name: 'runs what it pulled',
    needs,
    async run(stage) {
      await push(stage, 'podman/run');
      const image = `${stage.registry.host}/podman/run:v1`;
      await stage.run(['podman', 'pull', '--quiet', plain, image]);
      same('output', await runContainer(stage, image), 'it runs\n');
    },
  },
  {
    name: 'pushes a manifest list and pulls the right platform',
    needs,
    async run({ registry, images, run }) {
      const { layout } = await images.multiArch();
      const target = `${registry.host}/podman/list:v1`;
      await run(['podman', 'manifest', 'create', '--all', 'podman-list', `oci:${layout}:latest`]);
      await run(['podman', 'manifest', 'push', '--all', '--quiet', plain, 'podman-list', target]);
      await run(['podman', 'manifest', 'rm', 'podman-list']);
      same('number of manifests', (await pull(registry.url, 'podman/list', 'v1')).manifests.size, 3);
      await run(['podman', 'pull', '--quiet', plain, '--arch', 'arm64', target]);
      const found = await run(['podman', 'image', 'inspect', '--format', '{{.Architecture}}', target]);
      same('architecture', found.stdout.trim(), 'arm64');
      await run(['podman', 'rmi', '--force', target]);
    },
  },
  {
    name: 'finds repositories in the catalog and the tags of one',
    needs,
    async run(stage) {
      await push(stage, 'podman/searched');
      const { registry, run } = stage;
      const found = await run(['podman', 'search', plain, '--format', '{{.Name}}', `${registry.host}/podman/searched`]);
      same('repository', found.stdout.trim(), `${registry.host}/podman/searched`);
      const listed = await run([
        'podman',
        'search',
        plain,
        '--list-tags',
        '--format',
        'json',
        `${registry.host}/podman/searched`,
      ]);
      same('tags', JSON.parse(listed.stdout)[0].Tags.join(), 'v1');
    },
  },
];

/** Runs an image with the first runtime that works on this machine: none of them works everywhere. */
async function runContainer({ run }: Stage, image: string): Promise<string> {
  const complaints: string[] = [];
  for (const runtime of ['crun', 'runc'].filter(hasTool)) {
    // Without limits of its own, podman asks for more than a user in a container may have.
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
    const command = ['podman', '--runtime', runtime, 'run', '--rm', '--network', 'none', ...limits, image];
    try {
      return (await run(command)).stdout;
    } catch (error) {
      complaints.push((error as Error).message.trim().split('\n').at(-1)!);
    }
  }
  throw new CannotRun(`no runtime starts containers here: ${complaints.join('; ')}`);
}
