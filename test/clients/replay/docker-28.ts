/*
 * Docker up to 28 with its own image store: the requests as Docker 20.10.24 sends them, recorded between it and a
 * registry. Each comes on a connection of its own. Later versions add a Content-Type to PATCH and nothing else.
 */
import type { ClientTest } from '../client-test.ts';
import { credentialsFor } from '../../support/credentials.ts';
import { digestOf } from '../content.ts';
import { pull, same } from '../pull.ts';
import { chunked, head, openConnection, type RawResponse } from './connection.ts';
import { dockerManifest, makeConfig, makeLayer, type Part } from './image.ts';

const agents = {
  '20.10':
    'docker/20.10.24 go/go1.19.8 git-commit/5d6db84 kernel/6.1.0-18-amd64 os/linux arch/amd64 UpstreamClient(Docker-Client/20.10.24 \\(linux\\))',
  '28': 'docker/28.5.1 go/go1.24.8 git-commit/f8215cc kernel/6.1.0-18-amd64 os/linux arch/amd64 UpstreamClient(Docker-Client/28.5.1 \\(linux\\))',
};
type Version = keyof typeof agents;

const manifestTypes = [
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** Docker, of one version, on its way to one repository. */
function dockerFor(host: string, repository: string, version: Version) {
  const { authorization } = credentialsFor(`http://${host}`);
  const common = `Host: ${host}\nUser-Agent: ${agents[version]}\nAuthorization: ${authorization}`;
  const path = `/v2/${repository}`;

  async function send(text: string, ...body: (string | Uint8Array)[]): Promise<RawResponse> {
    await using connection = await openConnection(host);
    return await connection.exchange(head(text), ...body);
  }

  /** What the client makes of Location: a URL relative to the request's, whose query it keeps. */
  function located(response: RawResponse, requestPath: string): URL {
    const location = response.header('Location');
    if (location === undefined) throw new Error('the response has no Location');
    return new URL(location, `http://${host}${requestPath}`);
  }

  async function has({ digest, size }: Part): Promise<boolean> {
    const response = await send(`HEAD ${path}/blobs/${digest} HTTP/1.1\n${common}\nConnection: close`);
    if (response.status === 404) return false;
    same('status of HEAD', response.status, 200);
    same('Content-Length of HEAD', response.header('Content-Length'), String(size));
    return true;
  }

  /** Opens an upload, perhaps by a mount; undefined when the blob was mounted. */
  async function open(mount?: { digest: string; from: string }): Promise<URL | undefined> {
    const query = mount ? `?from=${encodeURIComponent(mount.from)}&mount=${encodeURIComponent(mount.digest)}` : '';
    const target = `${path}/blobs/uploads/${query}`;
    const response = await send(
      `POST ${target} HTTP/1.1\n${common}\nContent-Length: 0\nAccept-Encoding: gzip\nConnection: close`,
    );
    if (mount && response.status === 201) return undefined;
    same('status of POST', response.status, 202);
    if (!response.header('Docker-Upload-UUID')) throw new Error('the response has no Docker-Upload-UUID');
    parseRange(response);
    return located(response, target);
  }

  async function upload(blob: Part, at: URL): Promise<void> {
    const type = version === '28' ? '\nContent-Type: application/octet-stream' : '';
    const stream = `PATCH ${at.pathname}${at.search} HTTP/1.1\n${common}\nTransfer-Encoding: chunked${type}\nAccept-Encoding: gzip\nConnection: close`;
    const patched = await send(stream, chunked(blob.bytes));
    same('status of PATCH', patched.status, 202);
    same('bytes that Range counts', parseRange(patched), blob.size);
    const end = located(patched, at.pathname);
    end.searchParams.set('digest', blob.digest);
    const commit = `PUT ${end.pathname}?${end.searchParams} HTTP/1.1\n${common}\nContent-Length: 0\nAccept-Encoding: gzip\nConnection: close`;
    const put = await send(commit);
    same('status of PUT', put.status, 201);
    same('digest of PUT', put.header('Docker-Content-Digest'), blob.digest);
    // Docker asks for what it has just pushed; one that is not there yet fails the push.
    same('the blob is there at once', await has(blob), true);
  }

  return {
    has,
    open,
    upload,
    async ping() {
      const response = await send(`GET /v2/ HTTP/1.1\n${common}\nAccept-Encoding: gzip\nConnection: close`);
      same('status of /v2/', response.status, 200);
      same('version of the API', response.header('Docker-Distribution-API-Version'), 'registry/2.0');
    },
    async cancel(at: URL) {
      const response = await send(
        `DELETE ${at.pathname}${at.search} HTTP/1.1\n${common}\nAccept-Encoding: gzip\nConnection: close`,
      );
      same('status of DELETE', response.status, 204);
    },
    async putManifest(manifest: Part, tag: string) {
      const request = `PUT ${path}/manifests/${tag} HTTP/1.1\n${common}\nContent-Length: ${manifest.size}\nContent-Type: ${manifest.mediaType}\nAccept-Encoding: gzip\nConnection: close`;
      const response = await send(request, manifest.bytes);
      same('status of PUT', response.status, 201);
      same('digest of the manifest', response.header('Docker-Content-Digest'), manifest.digest);
    },
    async pull(tag: string): Promise<Buffer> {
      const accept = (types: string[]) => types.map((type) => `Accept: ${type}`).join('\n');
      const found = await send(
        `HEAD ${path}/manifests/${tag} HTTP/1.1\n${common}\n${accept(manifestTypes)}\nConnection: close`,
      );
      same('status of HEAD', found.status, 200);
      const digest = found.header('Docker-Content-Digest')!;
      const types = [...manifestTypes.slice(4), ...manifestTypes.slice(0, 4)];
      const got = await send(
        `GET ${path}/manifests/${digest} HTTP/1.1\n${common}\n${accept(types)}\nAccept-Encoding: gzip\nConnection: close`,
      );
      same('status of GET', got.status, 200);
      same('media type', got.header('Content-Type'), found.header('Content-Type'));
      same('digest of the manifest', digestOf(got.body), digest);
      return got.body;
    },
    /** Pulls a blob that broke off in the middle, as Docker goes on with it. */
    async pullInTwo({ digest, size, bytes }: Part) {
      const get = `GET ${path}/blobs/${digest} HTTP/1.1\n${common}\nAccept-Encoding: gzip\nConnection: close`;
      const cut = Math.floor(size / 3);
      await using first = await openConnection(host);
      const begun = await first.exchangePartly(head(get), cut);
      same('status of GET', begun.status, 200);
      const range = `GET ${path}/blobs/${digest} HTTP/1.1\n${common}\nRange: bytes=${cut}-\nConnection: close`;
      const rest = await send(range);
      same('status of the rest', rest.status, 206);
      same('Content-Range', rest.header('Content-Range'), `bytes ${cut}-${size - 1}/${size}`);
      same('digest of both parts', digestOf(Buffer.concat([begun.body, rest.body])), digestOf(bytes));
    },
  };
}

/** Reads Range as the client does, by `%d-%d`: resolves with the number of bytes. */
function parseRange(response: RawResponse): number {
  const found = /^(\d+)-(\d+)$/.exec(response.header('Range') ?? '');
  if (!found || Number(found[2]) < Number(found[1])) throw new Error(`bad range format: ${response.header('Range')}`);
  return Number(found[2]) - Number(found[1]) + 1;
}

function makeImage() {
  const layers = [
    makeLayer('application/vnd.docker.image.rootfs.diff.tar.gzip'),
    makeLayer('application/vnd.docker.image.rootfs.diff.tar.gzip', 100),
  ];
  const config = makeConfig('application/vnd.docker.container.image.v1+json');
  return { layers, config, manifest: dockerManifest(config, layers) };
}

/** The first bytes of a TLS handshake: what Docker tries before it speaks plainly. */
const clientHello = Buffer.concat([Buffer.from('16030100d8010000d40303', 'hex'), Buffer.alloc(212, 0x5a)]);

export const docker28: ClientTest[] = [
  {
    name: 'tries TLS first and is told quickly that there is none',
    needs: [],
    async run({ registry }) {
      await using connection = await openConnection(registry.host);
      const answer = await connection.sendUntilClosed(clientHello);
      same('answers with TLS', answer[0] === 0x16, false);
    },
  },
  ...(Object.keys(agents) as Version[]).map((version) => ({
    name: `(${version}) pushes an image, then pulls it, going on where a layer broke off`,
    needs: [],
    async run({ registry }: { registry: { host: string; url: string } }) {
      const repository = `docker28/first-${version.replace('.', '-')}`;
      const docker = dockerFor(registry.host, repository, version);
      const { layers, config, manifest } = makeImage();
      await docker.ping();
      for (const blob of [...layers, config]) {
        same('the blob is there before it is pushed', await docker.has(blob), false);
        await docker.upload(blob, (await docker.open())!);
      }
      await docker.putManifest(manifest, 'v1');
      same('digest', (await pull(registry.url, repository, 'v1')).root.digest, manifest.digest);
      await docker.ping();
      same('manifest', (await docker.pull('v1')).equals(manifest.bytes), true);
      for (const blob of [...layers, config]) await docker.pullInTwo(blob);
    },
  })),
  {
    name: 'pushes to a second repository: layers mounted from the first, or uploaded after mounts that fail',
    needs: [],
    async run({ registry }) {
      const first = dockerFor(registry.host, 'docker28/mount-from', '28');
      const second = dockerFor(registry.host, 'docker28/mount-to', '28');
      const { layers, config, manifest } = makeImage();
      const [mounted, elsewhere] = layers as [Part, Part];
      await first.upload(mounted, (await first.open())!);
      await second.ping();
      same('the layer is there before', await second.has(mounted), false);
      same(
        'upload in place of the mount',
        await second.open({ digest: mounted.digest, from: 'docker28/mount-from' }),
        undefined,
      );
      same('the mounted layer is there', await second.has(mounted), true);
      // Docker tries several repositories, cancels each upload but the last, and goes on with that one.
      const one = await second.open({ digest: elsewhere.digest, from: 'docker28/mount-from' });
      const two = await second.open({ digest: elsewhere.digest, from: 'docker28/nothing-here' });
      await second.cancel(one!);
      await second.upload(elsewhere, two!);
      await second.upload(config, (await second.open())!);
      await second.putManifest(manifest, 'v1');
      same('digest', (await pull(registry.url, 'docker28/mount-to', 'v1')).root.digest, manifest.digest);
    },
  },
];
