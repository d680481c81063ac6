import { expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasTool, run } from '../clients/command.ts';
import { fetch } from '../http/fetch.ts';
import { pushImage } from '../http/registry.ts';
import { startTestProcess } from '../support/server.ts';

const file = join(import.meta.dir, '../../deploy/bonded.service');
const given = (...tools: string[]) => test.skipIf(process.env['CI'] !== 'true' && !tools.every(hasTool));
const analyse = (...args: string[]) => run(['systemd-analyze', ...args], { environment: { LC_ALL: 'C' } });

/** A setting of the unit, as often as it is there. */
async function settings(name: string): Promise<string[]> {
  const lines = (await Bun.file(file).text()).split('\n').filter((line) => line.startsWith(`${name}=`));
  return lines.map((line) => line.slice(name.length + 1));
}

given('systemd-analyze')('systemd finds nothing wrong with the unit', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-unit-'));
  try {
    const unit = join(directory, 'bonded.service');
    // The program need not be installed here.
    await writeFile(unit, (await Bun.file(file).text()).replace('/usr/local/bin/bonded', '/bin/true'));
    const { stdout, stderr } = await analyse('--man=no', 'verify', unit);
    expect(stdout + stderr).toBe('');
    // In tenths of ten: what systemd calls "OK" ends at 45.
    await analyse('security', '--offline=true', '--threshold=20', unit);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('the unit waits longer than the server drains', async () => {
  const [stop] = await settings('TimeoutStopSec');
  const reference = await Bun.file(join(import.meta.dir, '../../docs/reference/configuration.md')).text();
  const drain = ['delay', 'timeout'].map((key) =>
    Number(new RegExp(`drain\\.${key}\`[^|]*\\|[^|]*\\| \`(\\d+)s`).exec(reference)![1]),
  );
  expect(Number(stop)).toBeGreaterThan(drain[0]! + drain[1]! + 30);
});

given('systemd-analyze', 'strace')('the unit allows every system call of a server at work', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-calls-'));
  try {
    const trace = join(directory, 'trace');
    {
      const command = ['strace', '-D', '-f', '-qq', '-o', trace];
      await using server = await startTestProcess({ command, database: '' });
      await pushImage(server.url, 'team/app', 'latest');
      expect((await fetch(`${server.url}/v2/team/app/manifests/latest`)).status).toBe(200);
      await server.end();
    }
    const allowed = new Set<string>();
    for (const filter of await settings('SystemCallFilter')) {
      const calls = await callsOf(filter.replace('~', ''));
      for (const call of calls)
        if (filter.startsWith('~')) allowed.delete(call);
        else allowed.add(call);
    }
    expect(allowed.has('mount')).toBe(false);
    const text = await Bun.file(trace).text();
    const made = new Set([...text.matchAll(/^\d+ +(\w+)\(/gm)].map((match) => match[1]!));
    expect(made.size).toBeGreaterThan(30);
    // These every process may make, whatever the filter says (systemd.exec(5)).
    for (const call of await callsOf('@default')) allowed.add(call);
    // As root only, SQLite gives its files to the owner of the database.
    if (process.getuid?.() === 0) made.delete('fchown');
    expect([...made].filter((call) => !allowed.has(call))).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

/** The calls of a set, with those of the sets in it. */
async function callsOf(set: string): Promise<Set<string>> {
  const { stdout } = await analyse('syscall-filter', set);
  const calls = new Set<string>();
  for (const line of stdout.split('\n')) {
    const name = line.trim();
    if (/^@[\w-]+$/.test(name) && name !== set) for (const call of await callsOf(name)) calls.add(call);
    else if (/^\w+$/.test(name)) calls.add(name);
  }
  return calls;
}
