import { describe, expect, test } from 'bun:test';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCli, shellWords } from '../../test/support/cli.ts';
import { knownServer } from '../../test/support/credentials.ts';
import { freshDatabaseOptions, openTestDatabase } from '../../test/support/database.ts';
import { ownerSettings } from '../../test/support/owner.ts';
import { startTestApp } from '../../test/support/server.ts';
import { loadConfiguration } from '../configuration.ts';
import { keyChecks, keyMigrations, openKeys } from '../keys/index.ts';
import { commandLine } from '../operations/index.ts';
import { recommend, checksOn } from './index.ts';
import type { Advice } from './advice-rig.double.ts';

type Settings = Record<string, string>;

/** What a server with these settings is told, by the names of the checks; and its commands in this process. */
async function adviceOf(data: string, database: string | undefined, settings: Settings, ca?: string) {
  await using server = await startTestApp({ data, settings, ...(database && { database }) });
  const { port, protocol } = new URL(server.url);
  // Whatever it listens on, it is on this machine.
  const host = `127.0.0.1:${port}`;
  const url = `${protocol}//${host}`;
  using known = new DisposableStack();
  known.use(knownServer(url, data));
  await using bonded = await openCli({ url, host: url, data }, ca === undefined ? {} : { SSL_CERT_FILE: ca });
  const ran = await bonded('advise -o json');
  if (ran.code !== 0) throw new Error(ran.error);
  const found = new Map((ran.json() as Advice[]).map((one) => [one.extendedProperties.check, one]));
  for (const command of found.get('public-listener-without-tls')?.remediation.commands ?? []) {
    expect(await bonded(command)).toMatchObject({ code: 0 });
  }
  return found;
}

async function openPlace() {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'bonded-advice-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const fresh = stack.use(await freshDatabaseOptions());
  const owned = stack.move();
  const database = fresh.kind === 'postgres' ? fresh.url : undefined;
  return { directory, data: join(directory, 'data'), database, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The settings that a recommendation leaves of those before. */
function after(before: Settings, { remediation }: Advice): Settings {
  const changed = Object.entries({ ...before, ...remediation.settings });
  return Object.fromEntries(changed.filter((entry): entry is [string, string] => entry[1] !== null));
}

describe('bonded advise on settings', () => {
  test('public-listener-without-tls is found; its command and settings end it', async () => {
    await using place = await openPlace();
    const check = 'public-listener-without-tls';
    expect((await adviceOf(place.data, place.database, {})).has(check)).toBe(false);
    // No other machine reaches it, but by its name it is not of this machine alone.
    const open = { listen: '[::ffff:127.0.0.1]:0' };
    const found = (await adviceOf(place.data, place.database, open)).get(check);
    expect(found).toMatchObject({ impact: 'High' });
    const fixed = after(open, found!);
    const ca = join(place.data, 'tls', 'ca.crt');
    expect((await adviceOf(place.data, place.database, fixed, ca)).has(check)).toBe(false);
    const proxied = { ...open, publicUrl: 'https://registry.example.com' };
    expect((await adviceOf(place.data, place.database, proxied)).has(check)).toBe(false);
  });

  test('link-header-without-proxy is found, until there is a proxy or no header', async () => {
    await using place = await openPlace();
    const check = 'link-header-without-proxy';
    const settings = { 'network.linkHeader': 'X-Bonded-Link' };
    const found = (await adviceOf(place.data, place.database, settings)).get(check);
    expect(found).toMatchObject({ impact: 'Low', remediation: { commands: [] } });
    expect((await adviceOf(place.data, place.database, after(settings, found!))).has(check)).toBe(false);
    const proxied = { ...settings, trustedProxies: '192.0.2.1' };
    expect((await adviceOf(place.data, place.database, proxied)).has(check)).toBe(false);
  });

  test('bootstrap-owner is found, until its settings are taken out', async () => {
    await using place = await openPlace();
    const owner = ownerSettings();
    const found = (await adviceOf(place.data, place.database, owner)).get('bootstrap-owner');
    expect(found).toMatchObject({ impact: 'Low', remediation: { commands: [] } });
    const { 'bootstrap.owner.audience': _, ...left } = after(owner, found!);
    expect(left).toEqual({});
    expect((await adviceOf(place.data, place.database, left)).has('bootstrap-owner')).toBe(false);
  });

  const hasCommand = Bun.which('openssl') !== null || Boolean(process.env['CI']);
  test.skipIf(!hasCommand)('unsealed-keys is found, until there is the secret that its command makes', async () => {
    await using place = await openPlace();
    await using db = await openTestDatabase(keyMigrations);
    const hour = 3_600_000;
    const times = { rotation: 24 * hour, lead: hour, overlap: 24 * hour };
    const look = async (secret?: string) => {
      const keys = await openKeys(db, { ...times, now: Date.now, secret });
      const facts = { sealed: keys.sealed, serverId: '/' };
      const [found] = await recommend([checksOn(keyChecks, () => facts)], 0);
      return found?.properties;
    };
    const found = await look();
    expect(found).toMatchObject({ impact: 'High', extendedProperties: { check: 'unsealed-keys' } });
    const [command] = found!.remediation.commands;
    const ended = Bun.spawnSync(shellWords(command!), { cwd: place.directory, stderr: 'ignore' });
    expect(ended.exitCode).toBe(0);
    const [[variable, file]] = Object.entries(found!.remediation.settings) as [[string, string]];
    const environment = { [variable]: join(place.directory, file) };
    const { keys } = loadConfiguration({ environment, flags: {} }).value;
    expect((await readFile(environment[variable]!, 'utf8')).trim()).toBe(keys.secret!);
    expect(await look(keys.secret)).toBeUndefined();
  });
});

test('a command is typed as it is printed', () => {
  const words = ['bonded', "it's", 'a b', '', '*', '$HOME', '--x=1', 'team/*', '{"a": "b"}', '\\'];
  expect(shellWords(commandLine(words))).toEqual(words);
  expect(Bun.spawnSync(['sh', '-c', `printf '%s\\n' ${commandLine(words)}`]).stdout.toString()).toBe(
    `${words.join('\n')}\n`,
  );
});
