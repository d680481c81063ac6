import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { credentialsFor } from './credentials.ts';

/**
 * Writes what clients take for these servers into a home of theirs, so that the credentials stand on no command line;
 * resolves with what leads them there:
 *
 *   auth.json                   skopeo, buildah, podman
 *   .docker/config.json         docker, crane, oras, helm
 *   .curlrc                     curl, for the first server
 *   certs.d/HOST/hosts.toml     containerd, by `--hosts-dir`
 *
 * Credentials expire: whoever works for long writes them again.
 */
export async function signIn(home: string, ...urls: string[]): Promise<Record<string, string>> {
  const auths: Record<string, { auth: string }> = {};
  for (const url of urls) {
    const { username, password } = credentialsFor(url);
    auths[new URL(url).host] = { auth: btoa(`${username}:${password}`) };
  }
  const auth = JSON.stringify({ auths });
  await put(home, 'auth.json', auth);
  await put(home, '.docker/config.json', auth);
  await signInByHeader(home, ...urls);
  return {
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
    DOCKER_CONFIG: join(home, '.docker'),
    HELM_REGISTRY_CONFIG: join(home, '.docker', 'config.json'),
    CURL_HOME: home,
  };
}

/** The same for the clients that know no helpers of credentials, and are given a header: curl and containerd. */
export async function signInByHeader(home: string, ...urls: string[]): Promise<void> {
  for (const url of urls) {
    const { host, origin } = new URL(url);
    const { authorization } = credentialsFor(url);
    const lines = [`server = "${origin}"`, `[host."${origin}".header]`, `Authorization = "${authorization}"`, ''];
    await put(home, `certs.d/${host}/hosts.toml`, lines.join('\n'));
  }
  const [first] = urls;
  const header = first === undefined ? '' : `header = "Authorization: ${credentialsFor(first).authorization}"\n`;
  await put(home, '.curlrc', header);
}

async function put(home: string, path: string, text: string): Promise<void> {
  const file = join(home, path);
  const fresh = `${file}.${randomUUID()}`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(fresh, text, { mode: 0o600 });
  // Others may be reading it.
  await rename(fresh, file);
}
