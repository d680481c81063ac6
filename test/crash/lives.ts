import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program as bonded } from '../support/program.ts';
import { startTestProcess, type TestProcess } from '../support/server.ts';
import { type Bytes, bytesInFiles, bytesInS3 } from './bytes.ts';
import { contentOf, createClient } from './client.ts';
import { Fault } from './fault.ts';
import type { Gateway } from './gateway.ts';
import { inspect } from './inspect.ts';
import { findLeaks, settled } from './leaks.ts';
import { createRepository } from './ledger.ts';
import { type Pusher, pushOn } from './pusher.ts';
import { createRandom, type Random } from './random.ts';

export interface LivesOptions {
  kills: number;
  seed: number;
  /** URL of an empty PostgreSQL database; empty for SQLite. */
  database: string;
  /** Of which each server consists; the one that is killed first then has workers. */
  processes?: number;
  /** Keeps bytes in an S3 server of its own, which is killed as well. */
  s3?: boolean;
  /** Keeps the data directory of a failure, for whoever looks into it. */
  keep?: boolean;
}

export interface Lives {
  kills: number;
  /** Requests that were answered before a kill. */
  answered: number;
  /** From the start of a process until it serves (ms), each. */
  startMs: number[];
  /** Of the S3 server; see gateway.ts. */
  gatewayKills: Gateway['kills'] | undefined;
}

const settings = { 'gc.delay': '2s', 'gc.interval': '100ms', 'uploads.expiry': '3s' };
const gcDelayMs = 2000;
const uploadExpiryMs = 3000;
/** A server that takes longer to start has to read too much of what the last one left. */
const slowestStartMs = 10_000;
/** A kill comes after up to so many answers, and at most after so long (ms): as far into the work on a slow machine. */
const mostAnswers = 120;
const longestLifeMs = 2000;
const killsBetweenChecks = 25;
/** How long an S3 server that was killed stays away (ms): longer than requests to it are repeated, or not. */
const mostAwayMs = 2000;
/** How long is waited for the moment in which most can be lost (ms). */
const completionWithinMs = 1500;

/**
 * Kills a server under load, at random times, and looks after each restart whether everything that was acknowledged
 * is there and nothing is half there. At the end collection runs, and nothing may be left over.
 */
export async function liveThrough(options: LivesOptions): Promise<Lives> {
  const data = await mkdtemp(join(tmpdir(), 'bonded-kill-'));
  await using bytes = options.s3 ? await bytesInS3() : bytesInFiles(data);
  const { processes = 1 } = options;
  const place: Place = { data, database: options.database, processes, bytes };
  const random = createRandom(options.seed);
  const pushers = createPushers(random, bytes);
  const result: Lives = { kills: 0, answered: 0, startMs: [], gatewayKills: bytes.gateway?.kills };
  const start = async (changed: Record<string, string> = {}) => {
    const began = performance.now();
    const server = await startTestProcess({
      data,
      database: place.database,
      settings: { ...settingsOf(place), ...changed },
      environment: bytes.environment,
    });
    result.startMs.push(performance.now() - began);
    // Two workers, or the client of S3, load for longer on a busy machine.
    if (result.startMs.at(-1)! <= slowestStartMs * (processes > 1 || options.s3 ? 3 : 1)) return server;
    await server[Symbol.asyncDispose]();
    throw new Fault('the restart took too long');
  };
  let failed = true;
  try {
    while (result.kills < options.kills) {
      if (random.chance(0.06)) await killWhileStarting(place, random);
      else result.answered += await oneLife(await start(), pushers, bytes.gateway, random);
      result.kills++;
      if (result.kills % killsBetweenChecks === 0) await checkOffline(place);
    }
    await using last = await start({ 'gc.delay': '50ms', 'uploads.expiry': '500ms' });
    // Its uploads may end at once.
    await inspect(createClient(last.url), pushers, 0);
    await settled(data, place.database, bytes);
    if ((await last.end('SIGTERM')) !== 0)
      throw new Fault(`the last server did not stop well:\n${last.output().slice(-2000)}`);
    await checkOffline(place);
    const leaks = await findLeaks(data, place.database, bytes);
    if (leaks.length > 0) throw new Fault(`left over, or missing:\n${leaks.slice(0, 20).join('\n')}`);
    failed = false;
  } catch (error) {
    if (options.keep) bytes.keep(data);
    const where = options.keep ? ` (data in ${data})` : '';
    throw new Fault(`seed ${options.seed}, after ${result.kills} kills${where}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    if (!failed || !options.keep) await rm(data, { recursive: true, force: true });
  }
  return result;
}

/** Where a server has its facts and its bytes. */
interface Place {
  data: string;
  database: string;
  processes: number;
  bytes: Bytes;
}

/** Resolves with the number of requests that were answered before the kill. */
async function oneLife(
  started: TestProcess,
  pushers: readonly Pusher[],
  gateway: Gateway | undefined,
  random: Random,
): Promise<number> {
  await using server = started;
  const client = createClient(server.url);
  await inspect(client, pushers, uploadExpiryMs);
  const inspected = client.answered();
  let killed = false;
  for (const pusher of pushers) pusher.client = client;
  const pushing = pushers.map((pusher) => pushOn(pusher, () => killed));
  const wrong = Promise.all(pushing).then(
    () => undefined,
    (error: unknown) => error,
  );
  const someAnswers = async () => {
    const until = performance.now() + longestLifeMs;
    const answers = client.answered() + random.below(mostAnswers);
    let early: unknown;
    while (!early && client.answered() < answers && performance.now() < until) {
      early = await Promise.race([Bun.sleep(1), wrong]);
    }
    return early ?? Promise.race([Bun.sleep(random() * 10), wrong]);
  };
  const began = Date.now();
  let early: unknown = await someAnswers();
  let back: Promise<unknown> = Promise.resolve();
  if (!early && gateway && random.chance(0.3)) {
    const completing = random.chance(0.6);
    for (const pusher of pushers) pusher.nextIsLarge = completing;
    back = gateway.fail(completing ? completionWithinMs : 0, random() * mostAwayMs);
    back.catch(() => {});
    // Before or after it is back; then all goes on by itself.
    if (random.chance(0.7)) early = await Promise.race([back, wrong]);
    if (!early) early = await someAnswers();
  }
  killed = true;
  if (!early && random.chance(0.05)) {
    // Also while it drains.
    server.process.kill('SIGTERM');
    await Bun.sleep(random() * 30);
  }
  await server.end('SIGKILL');
  const error = early ?? (await wrong);
  await back;
  const errors = errorsIn(server.output(), gateway?.wasAwaySince(began) ?? false);
  if (error) throw new Fault(`${(error as Error).message}\n${errors.join('\n')}`, { cause: error });
  if (errors.length > 0) throw new Fault(`the server logged an error:\n${errors.join('\n')}`);
  return client.answered() - inspected;
}

/** What the server complained of, but for what it says while its bytes are away. */
function errorsIn(output: string, away: boolean): string[] {
  return output
    .split('\n')
    .filter(
      (line) => line.includes('"level":"error"') && !(away && line.includes('the object storage of the registry')),
    )
    .slice(0, 5);
}

/** `bonded fsck` on what a killed server left: half-done work is no damage. */
async function checkOffline(place: Place): Promise<void> {
  const child = Bun.spawn([bonded, 'fsck', '--verify', ...flagsOf(place)], {
    env: { PATH: process.env['PATH'] ?? '', ...place.bytes.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Fault(`bonded fsck found damage:\n${output}${complaint}`);
}

async function killWhileStarting(place: Place, random: Random): Promise<void> {
  const child = Bun.spawn([bonded, 'serve', '--listen', '127.0.0.1:0', ...flagsOf(place)], {
    env: { PATH: process.env['PATH'] ?? '', ...place.bytes.environment },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  await Bun.sleep(random() * 250);
  child.kill('SIGKILL');
  await child.exited;
}

const settingsOf = ({ processes, bytes }: Place) => ({ ...settings, processes, ...bytes.settings });

function flagsOf(place: Place): string[] {
  const set = Object.entries(settingsOf(place)).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  return ['--data', place.data, ...(place.database ? ['--database', place.database] : []), ...set];
}

function createPushers(random: Random, { gateway, large }: Bytes): Pusher[] {
  const shared = createRepository('shared/app');
  const bases = [3000, 20_000, 200_000].map((size) => contentOf(random.bytes(size)));
  const homes = ['a', 'b', 'c', 'd', 'e'].map((name) => createRepository(`team/${name}`));
  return homes.map((home) => ({
    client: createClient('http://127.0.0.1:9'),
    random: createRandom(random.below(2 ** 32)),
    gcDelayMs,
    uploadExpiryMs,
    uploads: new Set(),
    wasAwaySince: (began) => gateway?.wasAwaySince(began) ?? false,
    home,
    shared,
    neighbours: homes.filter((other) => other !== home),
    bases,
    large,
    nextIsLarge: false,
    images: [],
  }));
}
