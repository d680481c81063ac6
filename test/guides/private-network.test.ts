import { expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCli } from '../support/cli.ts';
import { inDirectory } from '../support/command.ts';
import { startTestApp } from '../support/server.ts';

const guide = join(import.meta.dir, '../../docs/guides/private-network.md');

/** The commands of the guide, without what a shell does to them. */
async function commandsOf(): Promise<string[]> {
  const text = await Bun.file(guide).text();
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block!);
  return blocks
    .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => line.replace(/ +#.*$/, ''))
    .filter((line) => line.startsWith('bonded '));
}

test('the commands of the guide can be run as they are, one after the other', async () => {
  const text = await Bun.file(guide).text();
  const settings = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block!);
  const [listeners, links] = settings;
  const merged = `${listeners!.replaceAll(/listen: '[^']*'/g, "listen: '127.0.0.1:0'")}  linkHeader: X-Bonded-Link\n`;
  const rest = links!.replace(/network:\n {2}linkHeader: .*\n/, '');
  await using server = await inDirectory(async (directory) => {
    const file = join(directory, 'bonded.yaml');
    await writeFile(file, `${merged}${rest}domain: example.com\n`);
    return startTestApp({ file });
  });
  await using bonded = await openCli(server);
  const identity = await bonded('identity create --name builder');
  const { principalId } = identity.json() as { principalId: string };
  const commands = await commandsOf();
  expect(commands.length).toBeGreaterThan(10);
  for (const command of commands) {
    const { code, error } = await bonded(command.replace(/"\$\([^)]*\)"/, principalId));
    expect({ command, code, error }).toEqual({ command, code: 0, error: '' });
  }
  const shown = await bonded('acr show --name default -o json');
  expect(shown.json()).toMatchObject({
    publicNetworkAccess: 'Disabled',
    trustedIdentities: [principalId],
    dataEndpointEnabled: true,
    policies: { exportPolicy: { status: 'disabled' } },
  });
  const connections = await bonded(['acr', 'private-endpoint', 'list', '--query', '[].name', '-o', 'tsv']);
  expect(connections.out.trim().split('\n')).toEqual(['office', 'partner', 'spoke']);
});
