import { expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { bonded, inDirectory } from '../../test/support/command.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';

/* Listeners of private endpoints, of a server with several processes. */

/** Where the named listeners of a server are, by its log. */
function listenersOf(server: TestProcess): string[] {
  const line = server
    .output()
    .split('\n')
    .find((text) => text.includes('"listeners":['));
  return (JSON.parse(line!) as { listeners: string[] }).listeners;
}

/** What is asked on connections of their own, so that each process gets some. */
const statuses = (url: string) =>
  Promise.all(
    Array.from({ length: 12 }, async () => {
      const answer = await fetch(`${url}/v2/`, { headers: { Connection: 'close' }, anonymous: true });
      return answer.status;
    }),
  );

test('every process serves every listener, and knows within a second what an owner has decided', async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, 'bonded.json');
    const listeners = [
      { name: 'one', listen: '127.0.0.1:0' },
      { name: 'two', listen: '127.0.0.1:0' },
    ];
    await writeFile(file, JSON.stringify({ network: { listeners } }));
    await using server = await startTestProcess({
      settings: { processes: 2, 'database.poolSize': 4 },
      environment: { BONDED_CONFIG: file },
    });
    const [one, two] = listenersOf(server);
    const all = (status: number) => Array<number>(12).fill(status);
    expect(await statuses(one!)).toEqual(all(403));
    const state = { privateLinkServiceConnectionState: { status: 'Approved' } };
    await managementOf(server.url).put(`${registry}/privateEndpointConnections/own`, { listener: 'one', ...state });
    for (const until = Date.now() + 45_000; Date.now() < until; await Bun.sleep(50)) {
      if ((await statuses(one!)).every((status) => status === 401)) break;
    }
    expect(await statuses(one!)).toEqual(all(401));
    expect(await statuses(two!)).toEqual(all(403));
    expect(await statuses(server.url)).toEqual(all(401));

    // A port that is shared is not shared with another server.
    const { port } = new URL(two!);
    const taken = join(directory, 'taken.json');
    await writeFile(taken, JSON.stringify({ network: { listeners: [{ name: 'mine', listen: `127.0.0.1:${port}` }] } }));
    for (const processes of [1, 2]) {
      const words = ['--config', taken, '--listen', '127.0.0.1:0', '--data', join(directory, `other-${processes}`)];
      const other = await bonded(['serve', ...words, '--set', `processes=${processes}`]);
      expect(other.code).not.toBe(0);
      expect(`${other.out}${other.error}`).toContain(`network.listeners: mine: 127.0.0.1:${port} is taken`);
    }
  });
}, 120_000);
