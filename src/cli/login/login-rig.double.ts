import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetch } from '../../../test/http/fetch.ts';
import { toolPath } from '../../../test/clients/command.ts';
import { program } from '../../../test/support/program.ts';
import { builtInRole, registryId } from '../../../test/support/policies.ts';
import { type StartOptions, startTestApp, type TestServer } from '../../../test/support/server.ts';
import {
  federatedCredentialType,
  identityType,
  roleAssignmentType,
  trustedIssuerType,
} from '../../identity/contract.ts';
import { createManagementClient, idOf } from '../../operations/index.ts';

export interface Ended {
  code: number;
  out: string;
  error: string;
}

export interface RunOptions {
  input?: string;
  environment?: Record<string, string>;
}

/** A user of this machine with a home of their own, in which programs link themselves. */
export async function openHome() {
  const home = await mkdtemp(join(tmpdir(), 'bonded-login-'));
  const programs = join(home, '.local', 'bin');
  await mkdir(programs, { recursive: true });
  await mkdir(join(home, 'work'));
  const environment = { HOME: home, PATH: `${programs}:${toolPath}`, LC_ALL: 'C' };

  async function run(
    command: readonly string[],
    { input = '', environment: more = {} }: RunOptions = {},
  ): Promise<Ended> {
    const env = { ...environment, ...more };
    const [name, ...args] = command as [string, ...string[]];
    const path = Bun.which(name, { PATH: env.PATH });
    if (path === null) throw new Error(`${name} is not installed`);
    const child = Bun.spawn([path, ...args], {
      env,
      // Not where the data of another server may be.
      cwd: join(home, 'work'),
      stdin: Buffer.from(input),
      stdout: 'pipe',
      stderr: 'pipe',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    const [out, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, out, error };
  }

  return {
    home,
    environment,
    programs,
    run,
    bonded: (args: readonly string[], options?: RunOptions) => run([program, ...args], options),
    /** A file below the home, as JSON. */
    json: (path: string) => Bun.file(join(home, path)).json() as Promise<Record<string, unknown>>,
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

export type Home = Awaited<ReturnType<typeof openHome>>;

/** What a server is told of an issuer, and what whoever has its tokens may do. */
export interface Trust {
  name: string;
  issuer: string;
  audiences: string[];
  preset?: 'kubernetes' | 'github' | 'oidc';
  jwks?: { keys: Record<string, unknown>[] };
  subject: string;
  role: string;
}

/** A server, and the operator's hand on what it knows. */
export async function openServer(
  options: StartOptions = {},
): Promise<TestServer & { trust(of: Trust): Promise<void> }> {
  const server = await startTestApp(options);
  const client = createManagementClient({ endpoint: server.url, fetch: (url, init) => fetch(url, init) });
  return {
    url: server.url,
    host: server.host,
    data: server.data,
    async trust({ name, issuer, audiences, preset = 'oidc', jwks, subject, role }) {
      await client.put(trustedIssuerType, [name], {
        properties: { issuer, audiences, preset, ...(jwks && { jwks }) },
      });
      const identity = await client.put(identityType, [name], { location: 'local', properties: {} });
      await client.put(federatedCredentialType, [name, name], { properties: { issuer, audiences, subject } });
      const assignment = idOf(roleAssignmentType, [randomUUID()], registryId('default'));
      await client.put(roleAssignmentType, assignment, {
        properties: {
          roleDefinitionId: builtInRole(role).id,
          principalId: identity.properties.principalId!,
        },
      });
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
