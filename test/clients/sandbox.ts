import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { program } from '../support/program.ts';
import { signIn, signInByHeader } from '../support/sign-in.ts';
import { run, toolPath } from './command.ts';

export interface Sandbox extends AsyncDisposable {
  directory: string;
  /** Environment in which every client keeps its state, configuration and credentials below `directory`. */
  environment: Record<string, string>;
  /** Gives clients the operator's credentials for a server, for some minutes. */
  signIn(url: string): Promise<void>;
  /**
   * Logs clients in by `bonded login`, as the operator of the server with this data directory: they ask a helper, and no
   * password is on the disk. Those that know no helpers get a header, for some minutes.
   */
  logIn(url: string, data: string): Promise<void>;
}

/**
 * A home for clients, so that nothing of the user's is read or changed: not their images, their credentials, nor
 * the locks of their podman.
 */
export async function createSandbox(): Promise<Sandbox> {
  // podman and buildah read a path as the name of an image, which has no capital letters.
  const directory = join(tmpdir(), `bonded-clients-${randomBytes(6).toString('hex')}`);
  const within = (...parts: string[]) => join(directory, ...parts);
  const configuration = within('home', '.config', 'containers');
  const programs = within('home', '.local', 'bin');
  const folders = [configuration, programs, within('tmp'), within('run'), within('images')];
  for (const path of folders) await mkdir(path, { recursive: true, mode: 0o700 });
  const files = {
    'policy.json': JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }),
    'registries.conf': 'unqualified-search-registries = []\n',
    // vfs needs neither a kernel module nor rights. Without subordinate ids, files keep the caller's.
    'storage.conf': [
      '[storage]',
      'driver = "vfs"',
      `graphroot = ${JSON.stringify(within('storage'))}`,
      `runroot = ${JSON.stringify(within('run', 'storage'))}`,
      '[storage.options]',
      'ignore_chown_errors = "true"',
      '',
    ].join('\n'),
    'containers.conf': [
      '[engine]',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "none"',
      'lock_type = "file"',
      `tmp_dir = ${JSON.stringify(within('run', 'libpod'))}`,
      '',
    ].join('\n'),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(configuration, name), text);
  const removeAtExit = () => rmSync(directory, { recursive: true, force: true });
  process.on('exit', removeAtExit);
  const loggedIn = new Set<string>();
  const sandbox = {
    directory,
    environment: {
      PATH: `${programs}:${toolPath}`,
      HOME: within('home'),
      TMPDIR: within('tmp'),
      XDG_RUNTIME_DIR: within('run'),
      XDG_CONFIG_HOME: within('home', '.config'),
      XDG_DATA_HOME: within('home', '.local', 'share'),
      XDG_CACHE_HOME: within('home', '.cache'),
      ...(await signIn(within('home'))),
      CONTAINERS_CONF: join(configuration, 'containers.conf'),
      CONTAINERS_STORAGE_CONF: join(configuration, 'storage.conf'),
      CONTAINERS_REGISTRIES_CONF: join(configuration, 'registries.conf'),
      LC_ALL: 'C',
    },
    signIn: async (url: string) => void (await signIn(within('home'), url)),
    async logIn(url: string, data: string) {
      await signInByHeader(within('home'), url);
      // The helper makes a new token each time.
      if (loggedIn.has(url)) return;
      const login = [program, 'login', new URL(url).host, '--data', data, '--plain-http'];
      await run(login, { environment: sandbox.environment });
      for (const file of ['auth.json', '.docker/config.json']) {
        const text = await readFile(within('home', file), 'utf8');
        if (text.includes('"auth"') || !text.includes('"bonded"')) throw new Error(`${file} has a password: ${text}`);
      }
      loggedIn.add(url);
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', removeAtExit);
      await remove(directory);
    },
  };
  return sandbox;
}

/** Removes the sandbox. In a user's storage there are files that only the user's own namespace may touch. */
async function remove(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch {
    await run(['buildah', 'unshare', 'rm', '-rf', directory], { environment: { HOME: homedir() } });
  }
}
