import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClosedNetwork, ports, startClosedNetwork } from '../network/closed-network.ts';
import { canMakeNamespaces } from '../network/namespaces.ts';
import { type Counts, noCounts, readCountLine } from '../runner/counts.ts';
import { knownServer } from '../support/credentials.ts';
import { hasTool, run, toolPath } from './command.ts';
import { leadElsewhere } from './elsewhere.ts';
import { refusals } from './refusals.ts';
import type { Outcome } from './run-test.ts';
import { createSandbox } from './sandbox.ts';

type Report = (name: string, outcome: Outcome) => void;

/**
 * Every client from a network whose private endpoint leads to the registry, and from two from which none does. Resolves with
 * what the first of these counted; the rest is reported here.
 */
export async function runFromNetworks(only: string | undefined, report: Report): Promise<Counts> {
  if (!(await canMakeNamespaces())) {
    report('networks', { kind: 'skipped', reason: 'this machine lets us make no network namespaces' });
    return noCounts;
  }
  await using stack = new AsyncDisposableStack();
  const closed = stack.use(await startClosedNetwork());
  const counts = await fromApproved(closed, only);
  for (const site of ['rejected', 'public'] as const) {
    const port = site === 'rejected' ? ports.private : ports.main;
    await fromOther(closed, site, `${closed.networks.clients[site].server.v4}:${port}`, only, report);
  }
  return counts;
}

/** This script again, from within the network. */
async function fromApproved({ networks, server }: ClosedNetwork, only: string | undefined): Promise<Counts> {
  const { command, server: address } = networks.clients.approved;
  const directory = await mkdtemp(join(tmpdir(), 'bonded-log-'));
  const log = join(directory, 'log.sock');
  const answering = Bun.serve({ unix: log, fetch: () => new Response(server.output()) });
  try {
    console.log('from the approved network');
    const words = ['--database', 'sqlite', ...(only === undefined ? [] : ['--only', only])];
    const child = Bun.spawn([...command, process.execPath, join(import.meta.dir, 'run.ts'), ...words], {
      env: {
        ...process.env,
        PATH: toolPath,
        ...leadElsewhere({ url: `http://${address.v4}:${ports.private}`, data: server.data, log }),
      },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    let text = '';
    for await (const chunk of child.stdout) {
      const part = new TextDecoder().decode(chunk);
      text += part;
      process.stdout.write(part);
    }
    await child.exited;
    const counts = readCountLine(text);
    if (!counts) throw new Error('the clients of the approved network did not run to their end');
    return counts;
  } finally {
    await answering.stop(true);
    await rm(directory, { recursive: true, force: true });
  }
}

/** Each client, with the operator's own credentials, has to be refused, and says so. */
async function fromOther(
  closed: ClosedNetwork,
  site: 'rejected' | 'public',
  host: string,
  only: string | undefined,
  report: Report,
): Promise<void> {
  console.log(`from the ${site} network`);
  knownServer(`http://${host}`, closed.server.data);
  await using sandbox = await createSandbox();
  await sandbox.signIn(`http://${host}`);
  const { command } = closed.networks.clients[site];
  for (const { name, needs, words } of refusals(host, sandbox.directory)) {
    const title = `${name} is refused from the ${site} network`;
    if (only !== undefined && !title.includes(only)) continue;
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    const missing = needs.filter((tool) => !hasTool(tool));
    if (missing.length > 0) {
      report(title, { kind: 'skipped', reason: `${missing.join(' and ')} not installed` });
      continue;
    }
    const ended = await run([...command, ...words], { environment: sandbox.environment }).then(
      ({ stdout }) => stdout,
      (error: Error) => error.message,
    );
    // Of skopeo and podman the status, of others the words of the registry as well.
    if (/\b403\b|forbidden|denied|is not allowed access/i.test(ended))
      report(title, { kind: 'passed', seconds: seconds() });
    else report(title, { kind: 'failed', seconds: seconds(), reason: `it was not refused: ${ended}` });
  }
}
