import { join } from 'node:path';

interface Refusal {
  name: string;
  /** Programs that must be on PATH. */
  needs: readonly string[];
  words: readonly string[];
}

/** What a registry refuses to whoever comes by a way that it has not approved: every client pulls, some push. */
export function refusals(host: string, directory: string): Refusal[] {
  const image = `${host}/app:v1`;
  const of = (tool: string, action: string, ...words: string[]): Refusal => ({
    name: `${tool} ${action}`,
    needs: [tool],
    words: [tool, ...words],
  });
  return [
    of('skopeo', 'copy', 'copy', '--src-tls-verify=false', `docker://${image}`, `dir:${join(directory, 'pulled')}`),
    of('skopeo', 'list-tags', 'list-tags', '--tls-verify=false', `docker://${host}/app`),
    of('skopeo', 'login', 'login', '--tls-verify=false', '-u', 'robot', '-p', 'wrong', host),
    of('buildah', 'pull', 'pull', '--tls-verify=false', image),
    of('podman', 'pull', 'pull', '--tls-verify=false', image),
    of('crane', 'digest', 'digest', image),
    of('crane', 'pull', 'pull', image, join(directory, 'pulled.tar')),
    of('crane', 'catalog', 'catalog', host),
    of('crane', 'delete', 'delete', image),
    of('oras', 'pull', 'pull', '--plain-http', '--output', join(directory, 'oras'), image),
    of('oras', 'push', 'push', '--plain-http', image, '/etc/hostname', '--disable-path-validation'),
    of('oras', 'blob push', 'blob', 'push', '--plain-http', `${host}/app`, '/etc/hostname'),
    of('helm', 'pull', 'pull', '--plain-http', `oci://${host}/charts/app`, '--version', '1.0.0'),
    of('helm', 'show', 'show', 'chart', '--plain-http', `oci://${host}/charts/app`, '--version', '1.0.0'),
    of('curl', 'token', '-s', '-i', `http://${host}/oauth2/token?service=${host}`),
  ];
}
