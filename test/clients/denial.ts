import { join } from 'node:path';
import { pushImage } from '../http/registry.ts';
import { managementOf, registry as registryId } from '../support/management.ts';
import type { ClientTest, Stage } from './client-test.ts';
import { configureContainerd } from './containerd.ts';
import { startDaemon } from './daemon.ts';

/*
 * What people see whose image a policy does not let out: one line that says which image, which policy, why, and what to do.
 */

const repository = 'denied/app';
const user = 'denied-runtime';
/** By its tag, or by the digest that the tag led to. */
const says =
  /denied\/app(?::v1 \(|@)sha256:[0-9a-f]{12}\)? is denied by policy "sealed": it has not been scanned yet; try again once it has been scanned \[dec_[0-9a-f]{12}\]/;

/** An image that a policy denies with its blobs, and the password of somebody who may do no more than pull it. */
async function deny({ registry }: Stage): Promise<{ password: string; layer: string }> {
  const management = managementOf(registry.url);
  await management.put(`${registryId}/admissionPolicies/sealed`, {
    repositories: ['denied/*'],
    mode: 'enforce',
    blobs: 'admitted',
  });
  const { layerDigest: layer } = await pushImage(registry.url, repository, 'v1');
  const password = await management.token(user, [
    `repositories/${repository}/content/read`,
    `repositories/${repository}/metadata/read`,
  ]);
  return { password, layer };
}

/** Has a client pull it; throws where it gets it, or does not say on one line why not. */
async function refused(stage: Stage, command: readonly string[], input?: string): Promise<void> {
  const said = await stage.run(command, input === undefined ? {} : { input }).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (said === undefined) throw new Error('the client pulled what a policy denies');
  // Clients of containers quote what they were told.
  const lines = said.split('\n').map((line) => line.replaceAll(String.raw`\"`, '"'));
  if (lines.some((line) => says.test(line))) return;
  throw new Error(`no line of what the client says has why:\n${said}`);
}

type Command = (stage: Stage, password: string, layer: string) => Promise<string[]> | string[];

function client(tool: string, command: Command, what = ''): ClientTest {
  return {
    name: `${what}by ${tool} is one line that says image, policy, reason and what to do`,
    needs: [tool],
    async run(stage) {
      const { password, layer } = await deny(stage);
      await refused(stage, await command(stage, password, layer));
    },
  };
}

async function crane({ folder, registry }: Stage, password: string): Promise<string[]> {
  const auths = { [registry.host]: { auth: btoa(`${user}:${password}`) } };
  await Bun.write(join(folder, 'config.json'), JSON.stringify({ auths }));
  return ['env', `DOCKER_CONFIG=${folder}`, 'crane'];
}

const image = ({ registry }: Stage) => `${registry.host}/${repository}:v1`;

export const denial: ClientTest[] = [
  client('skopeo', (stage, password) => [
    'skopeo',
    'copy',
    '--src-tls-verify=false',
    '--src-creds',
    `${user}:${password}`,
    `docker://${image(stage)}`,
    `dir:${join(stage.folder, 'pulled')}`,
  ]),
  client('podman', (stage, password) => {
    return ['podman', 'pull', '--tls-verify=false', '--creds', `${user}:${password}`, image(stage)];
  }),
  client('buildah', (stage, password) => {
    return ['buildah', 'pull', '--tls-verify=false', '--creds', `${user}:${password}`, image(stage)];
  }),
  client('crane', async (stage, password) => [
    ...(await crane(stage, password)),
    'pull',
    '--insecure',
    image(stage),
    join(stage.folder, 'pulled.tar'),
  ]),
  client(
    'crane',
    async (stage, password, layer) => [
      ...(await crane(stage, password)),
      'blob',
      '--insecure',
      `${stage.registry.host}/${repository}@${layer}`,
    ],
    'of a layer alone ',
  ),
  client('oras', (stage, password) => [
    'oras',
    'pull',
    '--plain-http',
    '--username',
    user,
    '--password',
    password,
    '--output',
    join(stage.folder, 'pulled'),
    image(stage),
  ]),
  {
    name: 'by ctr is one line that says image, policy, reason and what to do',
    needs: ['containerd', 'ctr'],
    root: true,
    async run(stage) {
      const { password } = await deny(stage);
      const { command, socket } = await configureContainerd(stage.folder);
      const ctr = (...words: string[]) => stage.run(['ctr', '--address', socket, ...words]);
      await using _ = await startDaemon(command, stage.environment, join(stage.folder, 'containerd.log'), () =>
        ctr('version'),
      );
      const pull = ['images', 'pull', '--plain-http', '--user', `${user}:${password}`, '--snapshotter', 'native'];
      await refused(stage, ['ctr', '--address', socket, ...pull, image(stage)]);
    },
  },
];
