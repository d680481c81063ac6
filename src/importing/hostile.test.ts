import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import {
  configDescriptor,
  digestOf,
  layerDescriptor,
  makeImage,
  ociIndex,
  ociManifest,
} from '../../test/http/registry.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';
import { contentOf, importInto, type OperationStatus, startOtherRegistry } from './import-rig.double.ts';

/* What other registries may try, from the point of view of a client of ours: it fails, says why, and leaves nothing over. */

let server: TestProcess;
beforeAll(async () => {
  server = await startTestProcess({
    settings: {
      'outbound.allow': '127.0.0.1',
      'uploads.stallTimeout': '2s',
      'uploads.maxBlobSize': '8MiB',
      'import.maxSize': '12MiB',
    },
  });
}, 120_000);
afterAll(() => server?.[Symbol.asyncDispose]());

type Answer = (path: string, request: Request) => Response | Promise<Response> | undefined;
let next = 0;

/** Imports `app:v1` of a registry that answers so; resolves with how it ended and with what it was asked. */
async function importFrom(
  answer: Answer,
  otherwise: (path: string) => Response = () => new Response('', { status: 404 }),
) {
  await using other = startOtherRegistry(async (request, path) => (await answer(path, request)) ?? otherwise(path));
  const target = `hostile${next++}`;
  const source = { registryUri: other.uri, sourceImage: 'app:v1' };
  const status = await importInto(server, { source, targetTags: [`${target}:v1`] });
  return { status, asked: other.asked, target };
}

async function refused({ status, target }: { status: OperationStatus; target: string }, why: RegExp): Promise<void> {
  expect(status.error?.message ?? status.status).toMatch(why);
  expect(status.status).toBe('Failed');
  expect(status.error!.message).not.toMatch(/127\.0\.0\.1:\d+\/v2|at .*\.ts/);
  expect((await fetch(`${server.url}/v2/${target}/manifests/v1`)).status).toBe(404);
}

/** An image that nobody has yet: what is here already is not asked for again. */
function fresh() {
  const image = makeImage();
  return {
    image,
    content: contentOf([image.config, image.layer], { v1: { text: image.text } }),
    isLayer: (path: string) => path.endsWith(`/blobs/${image.layerDigest}`),
  };
}

test('an honest registry is no trouble', async () => {
  const { image, content } = fresh();
  const { status, asked } = await importFrom(() => undefined, content);
  expect(status).toMatchObject({ status: 'Succeeded', properties: { digest: image.digest } });
  expect(asked.every((line) => line.startsWith('GET /v2/app/'))).toBe(true);
});

test('a blob of other bytes than its digest says', async () => {
  const { image, content, isLayer } = fresh();
  const other = new Uint8Array(image.layer.byteLength);
  await refused(
    await importFrom((path) => (isLayer(path) ? new Response(other) : undefined), content),
    /other bytes than the digest/,
  );
});

test('a blob of another length than its manifest says', async () => {
  const { image, content, isLayer } = fresh();
  const long = new Uint8Array(image.layer.byteLength + 1);
  await refused(
    await importFrom((path) => (isLayer(path) ? new Response(long) : undefined), content),
    /its manifest says/,
  );
});

test('a blob that never ends', async () => {
  const { content, isLayer } = fresh();
  const endless = () =>
    new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
  await refused(
    await importFrom((path) => (isLayer(path) ? new Response(endless()) : undefined), content),
    /goes on behind/,
  );
});

test('a blob that ends early, without having said how long it is', async () => {
  const { image, content, isLayer } = fresh();
  const half = () =>
    new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(image.layer.slice(0, 10));
        await Bun.sleep(20);
        controller.close();
      },
    });
  await refused(
    await importFrom((path) => (isLayer(path) ? new Response(half()) : undefined), content),
    /ends after 10 of/,
  );
});

test('a blob that does not come', async () => {
  const { image, content, isLayer } = fresh();
  const silent = () =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(image.layer.slice(0, 10));
      },
    });
  await refused(
    await importFrom((path) => (isLayer(path) ? new Response(silent()) : undefined), content),
    /too slowly/,
  );
});

test('a manifest of other bytes than its digest says', async () => {
  const { image } = fresh();
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: [{ mediaType: ociManifest, digest: image.digest, size: image.text.length }],
  });
  const lying = contentOf([], { v1: { text: index, type: ociIndex } });
  const answer: Answer = (path) =>
    path.endsWith(image.digest)
      ? new Response(image.text.replace('2', '2 '), { headers: { 'Content-Type': ociManifest } })
      : undefined;
  await refused(await importFrom(answer, lying), /where sha256:[0-9a-f]+ was asked for/);
});

test('a tag whose header says another digest', async () => {
  const { image, content } = fresh();
  const answer: Answer = (path) =>
    path.endsWith('/manifests/v1')
      ? new Response(image.text, { headers: { 'Content-Type': ociManifest, 'Docker-Content-Digest': digestOf('x') } })
      : undefined;
  await refused(await importFrom(answer, content), /where sha256:[0-9a-f]+ was asked for/);
});

test('a manifest that never ends', async () => {
  const endless = () =>
    new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)) });
  const answer: Answer = (path) =>
    path.endsWith('/manifests/v1') ? new Response(endless(), { headers: { 'Content-Type': ociManifest } }) : undefined;
  await refused(await importFrom(answer), /more than \d+ bytes/);
});

test.each([
  ['text', 'hello', 'text/plain'],
  ['schema 1', '{"schemaVersion":1}', 'application/vnd.docker.distribution.manifest.v1+json'],
  ['a web page', '<html></html>', 'text/html'],
])('a manifest that is %s', async (_, text, type) => {
  const answer: Answer = (path) =>
    path.endsWith('/manifests/v1') ? new Response(text, { headers: { 'Content-Type': type } }) : undefined;
  const { status } = await importFrom(answer);
  expect(status).toMatchObject({ status: 'Failed', error: { code: 'OperationFailed' } });
});

/** Indexes in each other, the innermost with an image; the outermost is `v1`. */
function nested(depth: number) {
  const { image } = fresh();
  const manifests: Record<string, { text: string; type?: string }> = { image: { text: image.text } };
  let inner = { mediaType: ociManifest, digest: image.digest, size: image.text.length };
  for (let level = 1; level <= depth; level++) {
    const text = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [inner] });
    manifests[level === depth ? 'v1' : `level${level}`] = { text, type: ociIndex };
    inner = { mediaType: ociIndex, digest: digestOf(text), size: text.length };
  }
  return contentOf([image.config, image.layer], manifests);
}

test('indexes in indexes are followed so deep and no deeper', async () => {
  const deep = await importFrom(() => undefined, nested(16));
  expect(deep.status).toMatchObject({ status: 'Succeeded', properties: { manifests: 17 } });
  await refused(await importFrom(() => undefined, nested(17)), /deeper than 16/);
});

test('referrers that name each other in a circle, or something else, end', async () => {
  const { image, content } = fresh();
  const lists = Response.json({
    schemaVersion: 2,
    manifests: [image.digest, digestOf('nowhere')].map((digest) => ({ mediaType: ociManifest, digest, size: 1 })),
  });
  lists.headers.set('Content-Type', ociIndex);
  const answer: Answer = (path) => (path.includes('/referrers/') ? (lists.clone() as unknown as Response) : undefined);
  const { status } = await importFrom(answer, content);
  expect(status).toMatchObject({ status: 'Succeeded', properties: { manifests: 1 } });
});

test('a list of referrers without end', async () => {
  const { content } = fresh();
  let page = 0;
  const answer: Answer = (path) => {
    if (!path.includes('/referrers/')) return undefined;
    const answered = Response.json({ schemaVersion: 2, manifests: [] });
    answered.headers.set('Content-Type', ociIndex);
    answered.headers.set('Link', `<${path}?page=${page++}>; rel="next"`);
    return answered;
  };
  await refused(await importFrom(answer, content), /more referrers/);
});

test('a list of ten thousand referrers that are none of it', async () => {
  const { content } = fresh();
  const manifests = Array.from({ length: 10_001 }, (_, n) => ({
    mediaType: ociManifest,
    digest: digestOf(`${n}`),
    size: 1,
  }));
  const text = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests });
  const answer: Answer = (path) =>
    path.includes('/referrers/') ? new Response(text, { headers: { 'Content-Type': ociIndex } }) : undefined;
  await refused(await importFrom(answer, content), /more than 10000 manifests/);
}, 120_000);

test('more bytes than an import may have, or than a blob may have', async () => {
  const { image } = fresh();
  const layers = (sizes: number[]) =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifest,
      config: configDescriptor(image.config),
      layers: sizes.map((size, n) => ({ ...layerDescriptor(''), digest: digestOf(`${n}`), size })),
    });
  const large = contentOf([image.config], { v1: { text: layers([9 * 2 ** 20]) } });
  const first = await importFrom(() => undefined, large);
  await refused(first, /accepts 8388608/);
  const many = contentOf([image.config], { v1: { text: layers([7 * 2 ** 20, 7 * 2 ** 20]) } });
  const second = await importFrom(() => undefined, many);
  await refused(second, /more than 12582912 bytes/);
  // Both were refused before any blob was asked for.
  expect([...first.asked, ...second.asked].filter((line) => line.includes('/blobs/'))).toEqual([]);
});

test('a redirect to an address that is not allowed', async () => {
  const { content, isLayer } = fresh();
  for (const location of [
    'http://169.254.169.254/latest',
    'http://10.0.0.1/',
    'http://[::1]:1/',
    'file:///etc/passwd',
  ]) {
    const answer: Answer = (path) =>
      isLayer(path) ? new Response(null, { status: 307, headers: { location } }) : undefined;
    await refused(await importFrom(answer, content), /cannot be read/);
  }
});

test('redirects without end', async () => {
  const { image, content, isLayer } = fresh();
  const answer: Answer = (path) =>
    isLayer(path) ? new Response(null, { status: 307, headers: { location: path } }) : undefined;
  const { status, asked } = await importFrom(answer, content);
  await refused({ status, target: 'none' }, /redirects more than/);
  expect(asked.filter((line) => line.includes(image.layerDigest)).length).toBeLessThan(10);
});

test('401 for ever, with and without a token', async () => {
  const unauthorized = (challenge: string) =>
    new Response('', { status: 401, headers: { 'WWW-Authenticate': challenge } });
  const tokens = await importFrom((path, request) => {
    const { origin } = new URL(request.url);
    if (path === '/token') return Response.json({ token: 'good' });
    return unauthorized(`Bearer realm="${origin}/token",service="other",scope="repository:app:pull"`);
  });
  await refused(tokens, /refuses what it was shown/);
  expect(tokens.asked.filter((line) => line.startsWith('GET /token'))).toHaveLength(1);
  expect(tokens.asked[1]).toBe('GET /token?service=other&scope=repository%3Aapp%3Apull');
  await refused(await importFrom(() => unauthorized('Basic realm="x"')), /give credentials/);
  await refused(await importFrom(() => unauthorized('Negotiate')), /not supported/);
  await refused(await importFrom(() => unauthorized('Bearer realm="nowhere"')), /no address/);
  await refused(await importFrom(() => unauthorized('Bearer realm="http://10.0.0.1/token"')), /cannot be read/);
});

test('a token that is no token does not reach a header', async () => {
  const tokens = await importFrom((path, request) => {
    const { origin } = new URL(request.url);
    if (path === '/token') return Response.json({ token: 'a\r\nX-Evil: 1' });
    return new Response('', { status: 401, headers: { 'WWW-Authenticate': `Bearer realm="${origin}/token"` } });
  });
  await refused(tokens, /no token/);
});

test('trouble that passes is waited out; trouble that stays is not', async () => {
  const { content, isLayer } = fresh();
  let times = 0;
  const passing = await importFrom((path) => {
    if (!isLayer(path) || ++times > 2) return undefined;
    return new Response('', { status: times === 1 ? 503 : 429, headers: { 'Retry-After': '1' } });
  }, content);
  expect(passing.status.status).toBe('Succeeded');
  const other = fresh();
  const staying = await importFrom(
    (path) => (other.isLayer(path) ? new Response('', { status: 500 }) : undefined),
    other.content,
  );
  await refused(staying, /answered with 500, again and again/);
});

test.each([
  ['the rest alone comes again', true],
  ['what is known is passed over, where the registry has no ranges', false],
])(
  'a connection that breaks in the middle of a blob: %s',
  async (_, hasRanges) => {
    const layer = new Uint8Array(3 * 2 ** 20).map((__, at) => (at * 7 + (hasRanges ? 1 : 0)) % 251);
    const large = makeImage(layer);
    const others = contentOf([large.config], { v1: { text: large.text } });
    const ranges: (string | undefined)[] = [];
    // Spoken by hand: it says how much there is, sends a part, and is gone.
    const raw = createServer((socket) => {
      socket.on('error', () => {});
      const answerTo = async (request: Buffer) => {
        const [, path] = /^GET (\S+) /.exec(request.toString()) ?? [];
        if (!path!.endsWith(large.layerDigest)) {
          const answer = others(path!);
          const body = Buffer.from(await answer.bytes());
          const type = answer.headers.get('content-type') ?? 'text/plain';
          return socket.end(
            Buffer.concat([
              Buffer.from(
                `HTTP/1.1 ${answer.status} X\r\ncontent-type: ${type}\r\ncontent-length: ${body.byteLength}\r\n\r\n`,
              ),
              body,
            ]),
          );
        }
        const range = /^range: (.*)$/im.exec(request.toString())?.[1];
        ranges.push(range);
        const start = hasRanges ? Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0) : 0;
        const isLast = !hasRanges && range !== undefined;
        const end = isLast ? layer.byteLength : Math.min(layer.byteLength, start + 2 ** 20 + 7);
        const head = [
          `HTTP/1.1 ${start === 0 ? 200 : 206} X`,
          `content-length: ${layer.byteLength - start}`,
          ...(start === 0 ? [] : [`content-range: bytes ${start}-${layer.byteLength - 1}/${layer.byteLength}`]),
        ];
        socket.write(`${head.join('\r\n')}\r\n\r\n`);
        return socket.end(layer.slice(start, end));
      };
      socket.once('data', (request: Buffer) => void answerTo(request));
    });
    await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
    try {
      const registryUri = `http://127.0.0.1:${(raw.address() as { port: number }).port}`;
      const status = await importInto(server, {
        source: { registryUri, sourceImage: 'app:v1' },
        targetTags: ['broken:v1'],
        mode: 'Force',
      });
      expect(status).toMatchObject({ status: 'Succeeded' });
    } finally {
      raw.close();
    }
    expect(ranges[0]).toBeUndefined();
    // What had come and nobody had read when the connection broke comes once more.
    expect(ranges.length).toBeWithin(hasRanges ? 3 : 2, hasRanges ? 6 : 3);
    expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-\s*$/.test(range!))).toBe(true);
  },
  60_000,
);

test('a host that is not on the public internet, and that nobody has allowed', async () => {
  for (const registryUri of ['http://10.255.0.1', 'https://192.168.0.1:5000', 'http://127.0.0.2:1', 'https://[::1]']) {
    const status = await importInto(server, { source: { registryUri, sourceImage: 'a:b' }, targetTags: ['a:b'] });
    expect(status).toMatchObject({ status: 'Failed', error: { code: 'OperationFailed' } });
    expect(status.error!.message).toMatch(/not on the public internet|plain http/);
  }
});

test('nothing is left over of all that', async () => {
  const metrics = await fetch(`${server.url}/v2/_catalog?n=1000`);
  const { repositories } = (await metrics.json()) as { repositories: string[] };
  // Manifests that were whole stay as after a push by digest; no tag leads to them.
  for (const name of repositories) {
    const tags = (await (await fetch(`${server.url}/v2/${name}/tags/list`)).json()) as { tags: string[] };
    expect(tags.tags.length).toBeLessThanOrEqual(1);
  }
});
