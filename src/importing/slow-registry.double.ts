import { configDescriptor, digestOf, layerDescriptor, ociManifest, randomBytes } from '../../test/http/registry.ts';
import { contentOf, startOtherRegistry } from './import-rig.double.ts';

export interface SlowRegistry extends AsyncDisposable {
  uri: string;
  digest: string;
  /** Blobs that come at once, and those that wait until `open` is called. */
  quick: string[];
  slow: string[];
  /** How often each path was asked for. */
  times(part: string): number;
  open(): void;
  credentials: { username: string; password: string };
}

/** A registry with an image of eight blobs, half of which do not come until a test wants them to. It may want a password. */
export function startSlowRegistry({ isOpenToAll = false } = {}): SlowRegistry {
  const config = JSON.stringify({ architecture: 'amd64', os: 'linux', random: digestOf(randomBytes(8)) });
  const layers = Array.from({ length: 7 }, () => randomBytes(200_000));
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: ociManifest,
    config: configDescriptor(config),
    layers: layers.map((layer) => layerDescriptor(layer)),
  });
  const content = contentOf([config, ...layers], { v1: { text } });
  const digests = [digestOf(config), ...layers.map((layer) => digestOf(layer))];
  const [quick, slow] = [digests.slice(0, 4), digests.slice(4)];
  const gate = Promise.withResolvers<void>();
  const credentials = { username: 'somebody', password: `secret-${digestOf(randomBytes(8)).slice(7, 27)}` };
  const expected = `Basic ${btoa(`${credentials.username}:${credentials.password}`)}`;
  const other = startOtherRegistry(async (request, path) => {
    if (!isOpenToAll && request.headers.get('authorization') !== expected) {
      return new Response('', { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="slow"' } });
    }
    if (slow.some((digest) => path.endsWith(digest))) await gate.promise;
    return content(path);
  });
  return {
    uri: other.uri,
    digest: digestOf(text),
    quick,
    slow,
    times: (part) => other.asked.filter((line) => line.includes(part)).length,
    open: () => gate.resolve(),
    credentials,
    async [Symbol.asyncDispose]() {
      gate.resolve();
      await other[Symbol.asyncDispose]();
    },
  };
}
