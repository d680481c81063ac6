import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Configures a containerd whose state lives in a folder, and without the plugin that serves Kubernetes. */
export async function configureContainerd(folder: string): Promise<{ command: string[]; socket: string }> {
  const home = join(folder, 'containerd');
  const socket = join(home, 'containerd.sock');
  const file = join(home, 'config.toml');
  await mkdir(home);
  await writeFile(
    file,
    [
      'version = 2',
      `root = ${JSON.stringify(join(home, 'root'))}`,
      `state = ${JSON.stringify(join(home, 'state'))}`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      '[grpc]',
      `address = ${JSON.stringify(socket)}`,
    ].join('\n'),
  );
  return { command: ['containerd', '--config', file], socket };
}
