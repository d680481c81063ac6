import { resolve } from 'node:path';

export interface Served {
  /** Where it listens. */
  url: string;
  /** How others reach it, where that is something else. */
  publicUrl?: string | undefined;
  /** Its data directory, absolute. */
  data: string;
  /** How somebody starts the program here, such as `bin/bonded`. */
  program: string;
}

/** What a person may try next, as it can be typed into another terminal in the same directory. */
export function welcome({ url, publicUrl, data, program }: Served): string {
  const { protocol, host } = reachable(publicUrl ?? url);
  const isPlain = protocol === 'http:';
  // Without the scheme, `login` takes this machine for one of plain http.
  const login = isPlain ? host : `https://${host}`;
  const of = data === resolve('data') ? '' : ` --data ${quoted(data)}`;
  const server = login === '127.0.0.1:5000' ? '' : ` --server ${login}`;
  const insecure = (flag: string) => (isPlain ? `--${flag}=false ` : '');
  return `
  Bonded is serving on ${url}

  In another terminal:
    ${program} login ${login}${of}
    skopeo copy ${insecure('dest-tls-verify')}docker://docker.io/library/busybox:latest docker://${host}/busybox:latest
    podman pull ${insecure('tls-verify')}${host}/busybox
    ${program} advise${server}
    ${program} --help

  Ctrl-C stops it.
`;
}

/** An address to listen on need not be one to call. */
function reachable(url: string): URL {
  const found = new URL(url);
  if (found.hostname === '0.0.0.0' || found.hostname === '[::]') found.hostname = 'localhost';
  return found;
}

const quoted = (path: string) => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`);
