import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/*
 *   ~/.docker/config.json               docker, crane, oras, helm; skopeo, podman and buildah look there, too
 *   containers/auth.json                skopeo, podman, buildah: below $XDG_RUNTIME_DIR, else ~/.config
 *   ~/.config/bonded/logins.json        how each login is made again; no secrets
 *   ~/.config/bonded/defaults.json      what `bonded config set` has kept
 *   ~/.local/bin/docker-credential-bonded   a link to this program
 */
export interface Places {
  dockerConfig: string;
  containersAuth: string;
  logins: string;
  /** What commands take where no flag says otherwise. */
  defaults: string;
  /** Where programs of this user are linked. */
  programs: string;
}

/** Where the files of this user are (containers-auth.json(5), XDG Base Directory Specification). */
export function placesOf(environment: Environment): Places {
  const home = environment['HOME'] || homedir();
  const config = environment['XDG_CONFIG_HOME'] || join(home, '.config');
  const named = environment['XDG_RUNTIME_DIR'];
  // Where nobody has logged in by the system, it is named and not there.
  const runtime = named && existsSync(named) ? named : undefined;
  return {
    dockerConfig: join(environment['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'),
    containersAuth: environment['REGISTRY_AUTH_FILE'] || join(runtime ?? config, 'containers', 'auth.json'),
    logins: join(config, 'bonded', 'logins.json'),
    defaults: join(config, 'bonded', 'defaults.json'),
    programs: join(home, '.local', 'bin'),
  };
}
