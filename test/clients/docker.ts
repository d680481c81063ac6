import { join } from 'node:path';
import type { ClientTest, Stage } from './client-test.ts';
import { configureContainerd } from './containerd.ts';
import { startDaemon } from './daemon.ts';
import { pull, same } from './pull.ts';

interface Docker extends AsyncDisposable {
  docker(...command: string[]): Promise<string>;
}

/** Starts a Docker daemon that has nothing to do with the machine's: folders of its own, no network, no firewall rules. */
async function startDocker({ folder, environment, run }: Stage): Promise<Docker> {
  await using stack = new AsyncDisposableStack();
  const { command, socket } = await configureContainerd(folder);
  const containerd = ['ctr', '--address', socket, 'version'];
  stack.use(await startDaemon(command, environment, join(folder, 'containerd.log'), () => run(containerd)));
  const address = `unix://${join(folder, 'docker.sock')}`;
  const docker = async (...args: string[]) => (await run(['docker', '--host', address, ...args])).stdout;
  const options = {
    host: address,
    containerd: socket,
    'storage-driver': 'vfs',
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'exec'),
    pidfile: join(folder, 'docker.pid'),
    bridge: 'none',
    iptables: 'false',
    ip6tables: 'false',
  };
  const dockerd = ['dockerd', ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)];
  stack.use(await startDaemon(dockerd, environment, join(folder, 'dockerd.log'), () => docker('version')));
  const running = stack.move();
  return { docker, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

export const docker: ClientTest[] = [
  {
    name: 'pushes, mounts into a second repository, pulls and runs',
    needs: ['dockerd', 'docker', 'containerd', 'ctr', 'runc', 'tar', 'busybox'],
    root: true,
    extra: true,
    async run(stage) {
      const { registry, folder, run } = stage;
      await using daemon = await startDocker(stage);
      await run(['tar', '-cf', 'root.tar', '-C', join(Bun.which('busybox')!, '..'), 'busybox']);
      const image = `${registry.host}/docker/busybox:v1`;
      await daemon.docker('import', '--change', 'CMD ["/busybox","echo","it runs"]', join(folder, 'root.tar'), image);
      await daemon.docker('push', image);
      const { root } = await pull(registry.url, 'docker/busybox', 'v1');

      const second = `${registry.host}/docker/second:v1`;
      await daemon.docker('tag', image, second);
      const before = (await registry.requests()).length;
      await daemon.docker('push', second);
      const start = (await registry.requests()).slice(before).find(({ method }) => method === 'POST');
      same('answer to the mount', start?.status, 201);
      same('digest', (await pull(registry.url, 'docker/second', 'v1')).root.digest, root.digest);

      await daemon.docker('rmi', '--force', image, second);
      const byDigest = `${registry.host}/docker/second@${root.digest}`;
      await daemon.docker('pull', byDigest);
      same('output', await daemon.docker('run', '--rm', '--network', 'none', byDigest), 'it runs\n');
    },
  },
];
