import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { findProgram } from '../credentials/find-program.ts';
import { type Finding, type HealthCode, ok, warning } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How long a program may take to say its version (ms). */
const patienceMs = 10_000;

interface Client {
  name: string;
  args: readonly string[];
  missing: HealthCode;
  broken: HealthCode;
  /** Lowest version that speaks to a registry as it should. */
  atLeast: readonly [major: number, minor: number];
  /** For what one would install it. */
  use: string;
}

const clients: readonly Client[] = [
  {
    name: 'docker',
    args: ['--version'],
    missing: 'DOCKER_COMMAND_ERROR',
    broken: 'DOCKER_VERSION_ERROR',
    atLeast: [20, 10],
    use: 'to build, push and pull images; podman, buildah, skopeo and crane do that, too',
  },
  {
    name: 'helm',
    args: ['version', '--short'],
    missing: 'HELM_COMMAND_ERROR',
    broken: 'HELM_VERSION_ERROR',
    // The first in which charts in registries are no experiment.
    atLeast: [3, 8],
    use: 'to push and pull charts',
  },
  {
    name: 'notation',
    args: ['version'],
    missing: 'NOTATION_COMMAND_ERROR',
    broken: 'NOTATION_VERSION_ERROR',
    atLeast: [1, 0],
    use: 'to sign and verify images',
  },
];

/** Which clients are here, and whether they are new enough. Nobody needs all of them, so that none is a failure. */
export async function checkPrograms(environment: Environment): Promise<Finding[]> {
  const findings = await Promise.all(clients.map((client) => checkProgram(client, environment)));
  const docker = findings[0]!;
  return docker.outcome === 'ok' ? [docker, await checkDaemon(environment), ...findings.slice(1)] : findings;
}

async function checkProgram(client: Client, environment: Environment): Promise<Finding> {
  const { name, args, missing, broken, atLeast, use } = client;
  const program = await findProgram(name, environment['PATH']);
  if (program === undefined) return warning(name, missing, `${name} is not on PATH`, `install it ${use}`);
  const said = await outputOf(program, args, environment);
  const version = versionIn(said);
  if (!version)
    return warning(name, broken, `${name} ${args.join(' ')} does not say its version`, `run ${program} by hand`);
  const [major, minor] = version;
  const written = version.join('.');
  if (major > atLeast[0] || (major === atLeast[0] && minor >= atLeast[1])) return ok(name, `${name} ${written}`);
  return warning(name, broken, `${name} ${written} is too old`, `install ${atLeast.join('.')} or later`);
}

async function checkDaemon(environment: Environment): Promise<Finding> {
  const program = (await findProgram('docker', environment['PATH']))!;
  const said = await outputOf(program, ['version', '--format', '{{.Server.Version}}'], environment);
  const version = versionIn(said);
  if (version) return ok('docker daemon', `its version is ${version.join('.')}`);
  const fix = 'start it, or let this user speak to it (docker info says what is wrong)';
  return warning('docker daemon', 'DOCKER_DAEMON_ERROR', 'the daemon of docker does not answer', fix);
}

/** `Docker version 27.3.1, build ce12230`, `v3.22.0+g144d8d4`, `Version:     1.3.0`; `v3.22` of a helm made from its source. */
function versionIn(said: string | undefined): [major: number, minor: number, ...patch: number[]] | undefined {
  const [, major, minor, patch] = /(?<![\d.])v?(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?/.exec(said ?? '') ?? [];
  if (major === undefined) return undefined;
  return [Number(major), Number(minor), ...(patch === undefined ? [] : [Number(patch)])];
}

/** What a program prints; undefined where it fails. */
async function outputOf(
  program: string,
  args: readonly string[],
  environment: Environment,
): Promise<string | undefined> {
  const child = spawn(program, args, {
    env: { ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: patienceMs,
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  const [code, said] = await Promise.all([ended, text(child.stdout).catch(() => '')]);
  return code === 0 ? said.slice(0, 4096) : undefined;
}
