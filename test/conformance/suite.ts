import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../runner/command.ts';
import { credentialsFor } from '../support/credentials.ts';
import { startTestProcess } from '../support/server.ts';
import { judge, type Verdict } from './judge.ts';
import { readSummary, readTests } from './results.ts';
import type { Workflow } from './workflows.ts';

const limitMs = 120_000;

/** The program of the suite: on PATH, or where CI keeps the tools that it builds. */
export function findSuite(): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return Bun.which('conformance') ?? Bun.which('conformance', { PATH: join(cache, 'bonded-ci', 'bin') }) ?? undefined;
}

/** Runs the suite once against a new server. */
export async function runWorkflow(program: string, workflow: Workflow): Promise<Verdict> {
  await using server = await startTestProcess({ settings: workflow.settings });
  const { username, password } = credentialsFor(server.url);
  const results = await mkdtemp(join(tmpdir(), 'bonded-conformance-'));
  try {
    const { code, output, timedOut } = await runCommand([program], {
      cwd: results,
      environment: {
        PATH: process.env['PATH'],
        ...workflow.environment,
        OCI_REGISTRY: server.host,
        OCI_TLS: 'disabled',
        OCI_USERNAME: username,
        OCI_PASSWORD: password,
        OCI_RESULTS_DIR: results,
      },
      limitMs,
      live: false,
    });
    const junit = await readFile(join(results, 'junit.xml'), 'utf8').catch(() => '');
    const summary = await readFile(join(results, 'results.yaml'), 'utf8').catch(() => '');
    // The suite ends with code 0 when it cannot even begin.
    if (timedOut || junit === '' || summary === '') {
      throw new Error(`the suite ${timedOut ? 'took too long' : 'wrote no results'}:\n${output.slice(-4000)}`);
    }
    return judge(workflow, readTests(junit), readSummary(summary), code === 0);
  } finally {
    await rm(results, { recursive: true, force: true });
  }
}
