import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { countFacts } from '../../test/http/facts.ts';
import { fetch } from '../../test/http/fetch.ts';
import {
  digestOf,
  errorOf,
  layerDescriptor,
  makeImage,
  ociIndex,
  ociManifest,
  pushBlob,
  pushImage,
  putManifest,
} from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const call = (name: string, reference: string, init: RequestInit = {}) =>
  fetch(`${server.url}/v2/${name}/manifests/${reference}`, init);
const indexOf = (...manifests: { text: string; digest: string }[]) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: manifests.map(({ text, digest }) => ({ mediaType: ociManifest, digest, size: text.length })),
  });

describe('a push', () => {
  test('lesson 33: by tag is 201 with the digest, and a Location that leads to it', async () => {
    const image = await pushImage(server.url, 'push', 'first');
    const answer = await putManifest(server.url, 'push', 'latest', image.text);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('docker-content-digest')).toBe(image.digest);
    expect(answer.headers.get('location')).toBe(`/v2/push/manifests/${image.digest}`);
    expect((await fetch(new URL(answer.headers.get('location')!, server.url))).status).toBe(200);
  });

  test('by digest sets no tag', async () => {
    await pushImage(server.url, 'push/digest');
    const { tags } = (await (await fetch(`${server.url}/v2/push/digest/tags/list`)).json()) as { tags: string[] };
    expect(tags).toEqual([]);
  });

  test('by digest with tags sets all of them, and OCI-Tag names them', async () => {
    const image = await pushImage(server.url, 'push/tags');
    const wanted = Array.from({ length: 12 }, (_, at) => `v1.${at}`);
    const query = [...wanted, 'v1.0'].map((tag) => `tag=${tag}`).join('&');
    const answer = await putManifest(server.url, 'push/tags', `${image.digest}?${query}`, image.text);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('oci-tag')!.split(', ')).toEqual(wanted);
    for (const tag of wanted) {
      expect((await call('push/tags', tag, { method: 'HEAD' })).headers.get('docker-content-digest')).toBe(
        image.digest,
      );
    }
  });

  test('by a sha512 digest, or by a tag with digest-algorithm=sha512, is known by that digest', async () => {
    const image = makeImage();
    await pushBlob(server.url, 'push/sha512', image.config);
    await pushBlob(server.url, 'push/sha512', image.layer);
    const digest = digestOf(image.text, 'sha512');
    const byTag = await putManifest(server.url, 'push/sha512', 'latest?digest-algorithm=sha512', image.text);
    expect(byTag.headers.get('docker-content-digest')).toBe(digest);
    expect((await putManifest(server.url, 'push/sha512', digest, image.text)).status).toBe(201);
    const answer = await call('push/sha512', digest);
    expect(answer.headers.get('docker-content-digest')).toBe(digest);
    expect(await answer.text()).toBe(image.text);
  });

  test('an encoded colon in the digest is a colon', async () => {
    const image = await pushImage(server.url, 'push/colon');
    expect((await call('push/colon', image.digest.replace(':', '%3A'))).status).toBe(200);
    expect((await call('push/colon', image.digest.replace(':', '%3a'))).status).toBe(200);
  });
});

describe('a pull', () => {
  test('lesson 32: has the exact bytes and the exact media type, whatever the white space', async () => {
    const image = makeImage();
    const text = `${JSON.stringify(JSON.parse(image.text), null, 3)}\n\n`;
    await pushBlob(server.url, 'exact', image.config);
    await pushBlob(server.url, 'exact', image.layer);
    expect((await putManifest(server.url, 'exact', image.digest, text)).status).toBe(400);
    expect((await putManifest(server.url, 'exact', 'latest', text)).status).toBe(201);
    const answer = await call('exact', 'latest');
    expect(answer.headers.get('content-type')).toBe(ociManifest);
    expect(await answer.text()).toBe(text);
    expect(answer.headers.get('docker-content-digest')).toBe(digestOf(text));
  });

  test('lesson 33: HEAD has every header of GET, and the length', async () => {
    const image = await pushImage(server.url, 'head', 'latest');
    const [get, head] = [await call('head', 'latest'), await call('head', 'latest', { method: 'HEAD' })];
    for (const name of [
      'content-type',
      'content-length',
      'docker-content-digest',
      'etag',
      'docker-distribution-api-version',
    ]) {
      expect([name, head.headers.get(name)]).toEqual([name, get.headers.get(name)]);
    }
    expect(head.headers.get('content-length')).toBe(String(image.text.length));
  });

  test('lesson 34: Accept rewrites nothing', async () => {
    const image = await pushImage(server.url, 'accept', 'image');
    await putManifest(server.url, 'accept', 'index', indexOf(image), ociIndex);
    for (const accept of ['*/*', 'text/html', ociManifest, 'application/vnd.docker.distribution.manifest.v2+json']) {
      const answer = await call('accept', 'index', { headers: { Accept: accept } });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe(ociIndex);
    }
  });

  test('lesson 42: ETag is the digest, and If-None-Match answers 304 without a body', async () => {
    const image = await pushImage(server.url, 'etag', 'latest');
    for (const method of ['GET', 'HEAD']) {
      const answer = await call('etag', 'latest', { method, headers: { 'If-None-Match': `"${image.digest}"` } });
      expect(answer.status).toBe(304);
      expect(answer.headers.get('docker-content-digest')).toBe(image.digest);
      expect(await answer.text()).toBe('');
    }
  });

  test('ns= of a mirror is ignored', async () => {
    await pushImage(server.url, 'library/app', 'latest');
    expect((await call('library/app', 'latest?ns=docker.io')).status).toBe(200);
    const image = await pushImage(server.url, 'library/app', 'other');
    expect((await fetch(`${server.url}/v2/library/app/blobs/${image.layerDigest}?ns=docker.io`)).status).toBe(200);
  });

  test('of what is not there is 404, with the reason', async () => {
    await pushImage(server.url, 'missing', 'latest');
    expect(await errorOf(await call('missing', 'v2'))).toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      detail: { reference: 'v2' },
    });
    expect(await errorOf(await call('nowhere', 'v2'))).toMatchObject({
      code: 'NAME_UNKNOWN',
      detail: { name: 'nowhere' },
    });
  });

  test('lesson 53: writes nothing', async () => {
    const image = await pushImage(server.url, 'quiet', 'latest');
    const before = await countFacts(server.app, server.data);
    for (let round = 0; round < 10; round++) {
      await (await call('quiet', 'latest')).text();
      await (await fetch(`${server.url}/v2/quiet/blobs/${image.layerDigest}`)).arrayBuffer();
    }
    expect(await countFacts(server.app, server.data)).toEqual(before);
  });
});

test('lesson 37: a manifest of exactly 4 MiB is accepted and returned, one byte more is 413', async () => {
  const image = makeImage();
  await pushBlob(server.url, 'size', image.config);
  await pushBlob(server.url, 'size', image.layer);
  const padded = (size: number) => {
    const text = JSON.stringify({ ...JSON.parse(image.text), annotations: { padding: '' } });
    return text.replace('"padding":""', `"padding":"${'x'.repeat(size - text.length)}"`);
  };
  const largest = padded(4 * 2 ** 20);
  expect((await putManifest(server.url, 'size', 'latest', largest)).status).toBe(201);
  expect(await (await call('size', 'latest')).text()).toBe(largest);
  const refused = await putManifest(server.url, 'size', 'latest', padded(4 * 2 ** 20 + 1));
  expect(refused.status).toBe(413);
  expect(await errorOf(refused)).toMatchObject({ code: 'SIZE_INVALID', detail: { maxBytes: 4 * 2 ** 20 } });
});

test('lesson 36: what is missing is named by its digest', async () => {
  const image = makeImage();
  await pushBlob(server.url, 'precise', image.config);
  const answer = await putManifest(server.url, 'precise', 'latest', image.text);
  expect(answer.status).toBe(404);
  const error = await errorOf(answer);
  expect(error.code).toBe('MANIFEST_BLOB_UNKNOWN');
  expect(JSON.stringify(error.detail)).toContain(image.layerDigest);
});

test('lesson 35: foreign layers, an empty list of layers, a missing subject and children that are blobs are accepted', async () => {
  const image = await pushImage(server.url, 'lenient', 'image');
  const json = JSON.parse(image.text) as Record<string, unknown>;
  const foreign = {
    ...layerDescriptor('far away'),
    mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
    urls: ['https://example.com/layer'],
  };
  for (const extra of [
    { layers: [foreign] },
    { layers: [] },
    { subject: { mediaType: ociManifest, digest: digestOf('not yet'), size: 7 } },
  ]) {
    expect((await putManifest(server.url, 'lenient', 'latest', JSON.stringify({ ...json, ...extra }))).status).toBe(
      201,
    );
  }
  const cache = {
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: [layerDescriptor(image.layer), layerDescriptor(image.layer)],
  };
  expect((await putManifest(server.url, 'lenient', 'cache', JSON.stringify(cache), ociIndex)).status).toBe(201);
});

test('lesson 45: OCI-Subject answers a push of an image or an index with a subject', async () => {
  const image = await pushImage(server.url, 'subject', 'latest');
  const subject = { mediaType: ociManifest, digest: image.digest, size: image.text.length };
  const referrer = JSON.stringify({ ...JSON.parse(image.text), subject });
  const index = JSON.stringify({ ...JSON.parse(indexOf(image)), subject });
  for (const [text, type] of [
    [referrer, ociManifest],
    [index, ociIndex],
  ] as const) {
    const answer = await putManifest(server.url, 'subject', digestOf(text), text, type);
    expect(answer.headers.get('oci-subject')).toBe(image.digest);
  }
  expect((await putManifest(server.url, 'subject', 'latest', image.text)).headers.get('oci-subject')).toBeNull();
});

test('a fallback tag is accepted, with a Warning that the API makes it needless', async () => {
  const image = await pushImage(server.url, 'fallback', 'latest');
  const answer = await putManifest(server.url, 'fallback', image.digest.replace(':', '-'), indexOf(image), ociIndex);
  expect(answer.status).toBe(201);
  expect(answer.headers.get('warning')).toMatch(/^299 - ".+"$/);
  expect((await putManifest(server.url, 'fallback', 'latest', image.text)).headers.get('warning')).toBeNull();
});

describe('a delete', () => {
  test('of a tag leaves the manifest; of the manifest takes its tags; both show at once', async () => {
    const image = await pushImage(server.url, 'delete', 'a');
    await putManifest(server.url, 'delete', 'b', image.text);
    expect((await call('delete', 'a', { method: 'DELETE' })).status).toBe(202);
    expect((await call('delete', 'a')).status).toBe(404);
    expect((await call('delete', 'b')).status).toBe(200);
    expect((await call('delete', image.digest, { method: 'DELETE' })).status).toBe(202);
    expect((await call('delete', 'b')).status).toBe(404);
    expect((await call('delete', image.digest)).status).toBe(404);
    expect((await call('delete', image.digest, { method: 'DELETE' })).status).toBe(404);
  });
});

test('lesson 40: of pushes to one tag at once each is answered, and the tag is one of them', async () => {
  const images = await Promise.all(Array.from({ length: 10 }, () => pushImage(server.url, 'race')));
  const answers = await Promise.all(images.map((image) => putManifest(server.url, 'race', 'latest', image.text)));
  for (const answer of answers) expect(answer.status).toBe(201);
  const digest = (await call('race', 'latest', { method: 'HEAD' })).headers.get('docker-content-digest')!;
  expect(images.map((image) => image.digest)).toContain(digest);
});
