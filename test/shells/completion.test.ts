import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pushImage } from '../http/registry.ts';
import { program } from '../support/program.ts';
import { startTestApp, type TestServer } from '../support/server.ts';
import { openTerminal } from '../support/terminal.ts';

let server: TestServer;
let home: string;
let environment: Record<string, string>;

beforeAll(async () => {
  server = await startTestApp();
  for (const tag of ['v1.0', 'v1.1']) await pushImage(server.url, 'team/app', tag);
  await pushImage(server.url, 'team/web', 'latest');
  home = await mkdtemp(join(tmpdir(), 'bonded-shells-'));
  const programs = join(home, 'bin');
  await mkdir(programs);
  await mkdir(join(home, 'folder'));
  await writeFile(join(home, 'folder', 'only-one.json'), '{}');
  // What is completed is not run, but shown.
  await writeFile(
    join(programs, 'bonded'),
    `#!/bin/sh\ncase $1 in __complete | completion) exec ${program} "$@" ;; esac\nprintf 'RAN'\nprintf '[%s]' "$@"\nprintf '%s\\n' END\n`,
    { mode: 0o755 },
  );
  environment = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    PATH: `${programs}:${process.env['PATH']}`,
    TERM: 'dumb',
    LC_ALL: 'C.UTF-8',
    BONDED_SERVER: server.host,
    BONDED_DATA: server.data,
  };
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(home, { recursive: true });
});

const shells: Record<string, readonly [command: readonly string[], setup: string]> = {
  bash: [['bash', '--norc', '--noprofile', '-i'], 'PS1="> "; source <(bonded completion bash); echo rea""dy\n'],
  zsh: [
    ['zsh', '-f', '-i'],
    'PS1="> "; unsetopt prompt_cr prompt_sp; autoload -U compinit; compinit -u -D; source <(bonded completion zsh); echo rea""dy\n',
  ],
  fish: [['fish', '--no-config', '-i'], 'bonded completion fish | source; echo rea""dy\n'],
};

describe.each(Object.keys(shells))('%s', (name) => {
  const [command, setup] = shells[name]!;
  const open = async () => {
    const shell = openTerminal(command, environment, home);
    await shell.types(setup, /ready/);
    return shell;
  };
  /** The arguments with which a line runs, once what is typed has been completed. */
  const ran = async (shell: Awaited<ReturnType<typeof open>>, keys: string) => {
    const seen = await shell.types(keys, /RAN.*END/s);
    return /RAN(.*)END/s.exec(seen)![1];
  };

  test('completes commands, flags, values, and what the server has', async () => {
    await using shell = await open();
    expect(await ran(shell, 'bonded acr check-h\t\r')).toBe('[acr][check-health]');
    expect(await ran(shell, 'bonded acr repository show-t\t--deta\t\r')).toBe('[acr][repository][show-tags][--detail]');
    expect(await ran(shell, 'bonded acr list -o js\t\r')).toBe('[acr][list][-o][json]');
    expect(await ran(shell, 'bonded acr show -n def\t\r')).toBe('[acr][show][-n][default]');
    expect(await ran(shell, 'bonded acr repository show --repository team/w\t\r')).toBe(
      '[acr][repository][show][--repository][team/web]',
    );
    // The colon parts words in bash.
    expect(await ran(shell, 'bonded acr tag show --image team/app:v1.1\t\r')).toBe(
      '[acr][tag][show][--image][team/app:v1.1]',
    );
    expect(await ran(shell, 'bonded acr tag show --image team/web:l\t\r')).toBe(
      '[acr][tag][show][--image][team/web:latest]',
    );
  }, 120_000);

  test('shows what there is, and completes files where a file is wanted', async () => {
    await using shell = await open();
    // The pager of fish wants more of a terminal than this one is.
    const line = 'bonded acr tag show --image team/app:v1.';
    const keys = { bash: `${line}\t\t`, zsh: `${line}\t`, fish: `complete -C '${line}'\r` }[name]!;
    const seen = await shell.types(keys, /v1\.0.*v1\.1/s);
    expect(seen).not.toContain('v1.2');
    if (name !== 'fish') expect(await ran(shell, '0\r')).toBe('[acr][tag][show][--image][team/app:v1.0]');
    expect(await ran(shell, 'bonded login --ca folder/only\t\r')).toBe('[login][--ca][folder/only-one.json]');
  }, 120_000);

  test('stays quiet where the server is not there', async () => {
    await using shell = await open();
    const seen = await shell.types('bonded acr tag list --server 127.0.0.1:1 --repository x\ty\r', /RAN.*END/s);
    expect(seen).toContain('RAN[acr][tag][list][--server][127.0.0.1:1][--repository][xy]END');
    expect(seen).not.toMatch(/reached|error|bonded:/i);
  }, 120_000);
});
