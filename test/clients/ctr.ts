import { join } from 'node:path';
import { CannotRun, type ClientTest, type Stage } from './client-test.ts';
import { hasTool } from './command.ts';
import { configureContainerd } from './containerd.ts';
import { startDaemon } from './daemon.ts';
import { pull, same, sameContent } from './pull.ts';

const needs = ['containerd', 'ctr', 'skopeo', 'buildah'];
/** How it reaches the registry: without TLS, with the credentials of the sandbox. */
const plain = ({ environment }: Stage) => ['--plain-http', '--hosts-dir', join(environment['HOME']!, 'certs.d')];
const nativeSnapshots = ['--snapshotter', 'native'];

interface Containerd extends AsyncDisposable {
  ctr(...command: string[]): Promise<string>;
}

async function startContainerd({ folder, environment, run }: Stage): Promise<Containerd> {
  const { command, socket } = await configureContainerd(folder);
  const ctr = async (...args: string[]) => (await run(['ctr', '--address', socket, ...args])).stdout;
  const daemon = await startDaemon(command, environment, join(folder, 'containerd.log'), () => ctr('version'));
  return { ctr, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

async function push({ registry, run }: Stage, layout: string, repository: string): Promise<void> {
  const flags = ['--quiet', '--all', '--preserve-digests', '--dest-tls-verify=false'];
  await run(['skopeo', 'copy', ...flags, `oci:${layout}:latest`, `docker://${registry.host}/${repository}:v1`]);
}

export const ctr: ClientTest[] = [
  {
    name: 'pulls by tag and by digest, and runs what it pulled',
    needs,
    root: true,
    async run(stage) {
      const { content, layout } = await stage.images.busybox();
      await push(stage, layout, 'ctr/busybox');
      const image = `${stage.registry.host}/ctr/busybox`;
      await using containerd = await startContainerd(stage);
      for (const reference of [`${image}:v1`, `${image}@${content.root.digest}`]) {
        await containerd.ctr('images', 'pull', ...plain(stage), ...nativeSnapshots, reference);
        same('digest', await pulledDigest(containerd, reference), content.root.digest);
      }
      await containerd.ctr('images', 'check');
      if (!hasTool('runc')) throw new CannotRun('pulled, but runc is not installed to run it');
      const printed = await containerd.ctr('run', ...nativeSnapshots, '--rm', `${image}:v1`, 'demo');
      same('output', printed, 'it runs\n');
    },
  },
  {
    name: 'pulls an index with all its platforms, and zstd layers',
    needs,
    root: true,
    async run(stage) {
      const { registry, images } = stage;
      const all = await images.multiArch();
      const zstd = await images.zstd();
      await push(stage, all.layout, 'ctr/multi-arch');
      await push(stage, zstd.layout, 'ctr/zstd');
      await using containerd = await startContainerd(stage);
      await containerd.ctr(
        'images',
        'pull',
        ...plain(stage),
        ...nativeSnapshots,
        '--all-platforms',
        `${registry.host}/ctr/multi-arch:v1`,
      );
      await containerd.ctr('images', 'pull', ...plain(stage), ...nativeSnapshots, `${registry.host}/ctr/zstd:v1`);
      const held = await containerd.ctr('content', 'ls', '--quiet');
      for (const digest of [
        ...all.content.manifests.keys(),
        ...all.content.blobs.keys(),
        ...zstd.content.blobs.keys(),
      ]) {
        same(`containerd holds ${digest}`, held.includes(digest), true);
      }
    },
  },
  {
    name: 'pulls a layer of 300 MiB',
    needs,
    root: true,
    async run(stage) {
      const { layout, content } = await stage.images.large();
      await push(stage, layout, 'ctr/large');
      await using containerd = await startContainerd(stage);
      const image = `${stage.registry.host}/ctr/large:v1`;
      await containerd.ctr('content', 'fetch', ...plain(stage), image);
      same('digest', await pulledDigest(containerd, image), content.root.digest);
    },
  },
  {
    name: 'pushes an index, mounting what another repository has',
    needs,
    root: true,
    async run(stage) {
      const { registry, images } = stage;
      const { layout, content } = await images.multiArch();
      await push(stage, layout, 'ctr/from');
      const from = `${registry.host}/ctr/from:v1`;
      const to = `${registry.host}/ctr/pushed:v1`;
      await using containerd = await startContainerd(stage);
      await containerd.ctr('images', 'pull', ...plain(stage), ...nativeSnapshots, '--all-platforms', from);
      await containerd.ctr('images', 'tag', from, to);
      const before = (await registry.requests()).length;
      await containerd.ctr('images', 'push', ...plain(stage), to);
      sameContent(await pull(registry.url, 'ctr/pushed', 'v1'), content);
      const uploads = (await registry.requests())
        .slice(before)
        .filter(({ path }) => path.startsWith('/v2/ctr/pushed/blobs/uploads/'));
      same(
        'every upload was a mount',
        uploads.every(({ method, status }) => method === 'POST' && status === 201),
        true,
      );
    },
  },
];

async function pulledDigest(containerd: Containerd, image: string): Promise<string | undefined> {
  const lines = (await containerd.ctr('images', 'ls', `name==${image}`)).split('\n');
  return lines.find((line) => line.startsWith(image))?.split(/\s+/)[2];
}
