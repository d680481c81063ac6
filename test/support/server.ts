import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Subprocess } from 'bun';
import { type App, startApp } from '../../src/app/index.ts';
import { loadConfiguration } from '../../src/configuration.ts';
import { createLog } from '../../src/telemetry/index.ts';
import { knownServer } from './credentials.ts';
import { ownerSettings } from './owner.ts';
import { freshDatabaseOptions } from './database.ts';
import { program } from './program.ts';
import { s3Environment } from './s3.ts';
import { storageSettings } from './storage.ts';

const readyWithinMs = 60_000;

export interface TestServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123`, and the same without the scheme. */
  readonly url: string;
  readonly host: string;
  /** The data directory. */
  readonly data: string;
}

export interface StartOptions {
  /** Settings by dotted key, as on the command line: `{ 'gc.delay': '1s' }`. */
  settings?: Record<string, string | number | boolean>;
  /** A data directory of the caller's, which is kept; a temporary one otherwise. */
  data?: string;
  /** URL of a PostgreSQL database; the default is what `testDialect` says. */
  database?: string;
  /** Whether its first owner is configured, because it has no operator; by default where the settings say so. */
  isOwners?: boolean;
}

/** A registry in this process, on a free port, with facts and files of its own. */
export async function startTestApp(
  options: StartOptions & { file?: string; now?: () => number; log?: (line: string) => void } = {},
): Promise<TestServer & { readonly app: App }> {
  await using stack = new AsyncDisposableStack();
  const data = options.data ?? (await temporaryDirectory(stack));
  const url = await databaseUrl(stack, options);
  const storage = await storageSettings(data);
  const isOwners = options.isOwners ?? lacksOperator(url, { ...storage, ...options.settings });
  const { value: config } = loadConfiguration({
    environment: {},
    file: options.file,
    flags: {
      listen: '127.0.0.1:0',
      data,
      'log.level': process.env['BONDED_TEST_LOG'] ?? 'silent',
      'database.url': url,
      ...storage,
      ...(isOwners && ownerSettings()),
      ...unlessTested,
      ...options.settings,
    },
  });
  const log = createLog(config.log, undefined, options.log);
  const app = await startApp(config, log, undefined, options.now);
  stack.defer(async () => void (await app.stop()));
  stack.use(knownServer(app.url, data, { isOwners }));
  const owned = stack.move();
  return {
    app,
    data,
    url: app.url,
    host: app.url.slice(app.url.indexOf('//') + 2),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A process for each layer of each image that any test pushes: what is about scans says so. */
const unlessTested = { 'scanning.parallel': 0 };

export interface TestProcess extends TestServer {
  readonly process: Subprocess;
  /** Everything that it wrote so far. */
  output(): string;
  /** Ends it as told and waits until it is gone; resolves with its exit code. */
  end(signal?: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): Promise<number>;
}

/**
 * A registry in a process of its own, by `bin/bonded serve`, ready to answer. With BONDED_TEST_PROCESSES it has so many
 * workers, unless its settings say otherwise: the way to run a whole suite against several.
 */
export async function startTestProcess(
  options: StartOptions & {
    listen?: string;
    environment?: Record<string, string>;
    command?: string[];
    program?: string;
    /** Where this process finds the data directory, if the command leads to another view of the file system. */
    dataOutside?: string;
    /** Whether it leads a process group of its own, as under a shell. */
    ownGroup?: boolean;
  } = {},
): Promise<TestProcess> {
  await using stack = new AsyncDisposableStack();
  const data = options.data ?? (await temporaryDirectory(stack));
  const url = await databaseUrl(stack, options);
  const processes = process.env['BONDED_TEST_PROCESSES'];
  const storage = await storageSettings(data);
  const isOwners = options.isOwners ?? lacksOperator(url, { ...storage, ...options.settings });
  const owner = isOwners ? ownerSettings() : {};
  const given = { ...(processes && { processes }), ...storage, ...owner, ...unlessTested, ...options.settings };
  const settings = Object.entries(given).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const command = [
    ...(options.command ?? []),
    options.program ?? program,
    'serve',
    '--listen',
    options.listen ?? '127.0.0.1:0',
    '--data',
    data,
    ...(url ? ['--database', url] : []),
    ...settings,
  ];
  const child = Bun.spawn(command, {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      ...('storage.s3.bucket' in storage && s3Environment),
      ...options.environment,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    detached: options.ownGroup ?? false,
  });
  let text = '';
  const read = [child.stdout, child.stderr].map(async (stream) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  });
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return child.exited;
  };
  stack.defer(async () => void (await end('SIGKILL')));
  const found = await serving(child, () => text, Promise.all(read));
  stack.use(knownServer(found, options.dataOutside ?? data, { isOwners }));
  const owned = stack.move();
  return {
    url: found,
    host: found.slice(found.indexOf('//') + 2),
    data,
    process: child,
    output: () => text,
    end,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Waits for the line that names the address. */
async function serving(child: Subprocess, output: () => string, read: Promise<unknown>): Promise<string> {
  const until = Date.now() + readyWithinMs;
  while (Date.now() < until && child.exitCode === null) {
    const match = /serving on (https?:\/\/[^\s"]+)/.exec(output());
    if (match) return match[1]!;
    await Bun.sleep(10);
  }
  // What it said last may still be on its way; whoever has inherited its output may hold that open.
  if (child.exitCode !== null) await Promise.race([read, Bun.sleep(2000)]);
  throw new Error(`the server did not start:\n${output()}`);
}

/** With facts in PostgreSQL and bytes in S3 there is no data directory that an operator could show. */
function lacksOperator(database: string | undefined, settings: Record<string, unknown>): boolean {
  return Boolean(database) && settings['storage.s3.bucket'] !== undefined;
}

async function temporaryDirectory(stack: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-data-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function databaseUrl(stack: AsyncDisposableStack, options: StartOptions): Promise<string | undefined> {
  if (options.database !== undefined) return options.database;
  const fresh = stack.use(await freshDatabaseOptions());
  return fresh.kind === 'postgres' ? fresh.url : undefined;
}
