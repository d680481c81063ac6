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
  const put = async (path: string, text: string) => {
    const file = join(home, path);
    const fresh = `${file}.${randomUUID()}`;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(fresh, text, { mode: 0o600 });
    // Others may be reading it.
    await rename(fresh, file);
  };
  const auths: Record<string, { auth: string }> = {};
  for (const url of urls) {
    const { username, password, authorization } = credentialsFor(url);
    const { host, origin } = new URL(url);
    auths[host] = { auth: btoa(`${username}:${password}`) };
    await put(
      `certs.d/${host}/hosts.toml`,
      `server = "${origin}"\n[host."${origin}".header]\nAuthorization = "${authorization}"\n`,
    );
  }
  const auth = JSON.stringify({ auths });
  await put('auth.json', auth);
  await put('.docker/config.json', auth);
  const [first] = urls;
  await put('.curlrc', first === undefined ? '' : `header = "Authorization: ${credentialsFor(first).authorization}"\n`);
  return {
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
    DOCKER_CONFIG: join(home, '.docker'),
    HELM_REGISTRY_CONFIG: join(home, '.docker', 'config.json'),
    CURL_HOME: home,
  };
}
