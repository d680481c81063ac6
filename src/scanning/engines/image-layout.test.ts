import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentOf } from '../../catalog/index.ts';
import type { BlobBody } from '../../content/index.ts';
import { openTestCatalog, type TestCatalog } from '../../catalog/test-catalog.double.ts';
import { type Digest, digestOf, mediaTypes } from '../../oci/index.ts';
import type { EngineImage } from './engine.ts';
import { layOut } from './image-layout.ts';

let catalog: TestCatalog;
let directory: string;
const { TMPDIR } = process.env;
beforeEach(async () => {
  catalog = await openTestCatalog();
  directory = await mkdtemp(join(tmpdir(), 'bonded-blobs-'));
  // Others use the usual one at the same time.
  process.env['TMPDIR'] = directory;
});
afterEach(async () => {
  if (TMPDIR === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = TMPDIR;
  await catalog[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const texts = ['{"os":"linux"}', 'a layer', 'another layer'];

async function pushed(): Promise<EngineImage> {
  const blobs = [await catalog.blob('app', texts[0]!, mediaTypes.ociConfig)];
  for (const text of texts.slice(1))
    blobs.push(await catalog.blob('app', text, 'application/vnd.oci.image.layer.v1.tar'));
  const { digest } = await catalog.push('app', catalog.image(blobs));
  const { bytes, mediaType } = (await contentOf(catalog.db, digest))!;
  return { digest, bytes, mediaType, place: { registryId: 1, repositoryId: 1, repository: 'app' } };
}

const source = (read: (text: string, key: string) => BlobBody | Promise<BlobBody>) => ({
  db: catalog.db,
  blobs: {
    read: (key: string) =>
      read(
        texts.find((text) => key.startsWith(digestOf(Buffer.from(text))))!,
        key,
      ),
  },
});
const fileOf = (path: string, digest: Digest) => join(path, 'blobs', 'sha256', digest.slice('sha256:'.length));
const never = () => AbortSignal.timeout(60_000);
const left = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('bonded-engine-'));

test('an image is laid out as the specification has it, from streams, and goes when it is no longer used', async () => {
  const image = await pushed();
  let place: string;
  {
    await using layout = await layOut(
      source((text) => new Blob([text]).stream()),
      image,
      1000,
      never(),
    );
    place = layout.directory;
    expect((await stat(place)).mode & 0o077).toBe(0);
    expect(await Bun.file(join(layout.path, 'oci-layout')).json()).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(await Bun.file(join(layout.path, 'index.json')).json()).toEqual({
      schemaVersion: 2,
      manifests: [{ mediaType: image.mediaType, digest: image.digest, size: image.bytes.byteLength }],
    });
    for (const content of [...texts.map((text) => Buffer.from(text)), image.bytes]) {
      const digest = digestOf(content);
      expect(digestOf(await Bun.file(fileOf(layout.path, digest)).bytes())).toBe(digest);
    }
    await Bun.write(join(place, 'left', 'behind'), 'by the program');
  }
  expect(existsSync(place)).toBe(false);
});

test('of files no byte is copied where they are on one file system', async () => {
  const image = await pushed();
  const files = new Map<string, string>();
  const from = source(async (text) => {
    const path = join(directory, `${text.length}`);
    await Bun.write(path, text);
    files.set(text, path);
    return Bun.file(path);
  });
  await using layout = await layOut(from, image, 1000, never());
  for (const [text, path] of files) {
    const laid = fileOf(layout.path, digestOf(Buffer.from(text)));
    expect((await stat(laid)).ino).toBe((await stat(path)).ino);
    expect(await Bun.file(laid).text()).toBe(text);
  }
});

test('what is too large, not all here or broken off leaves nothing behind', async () => {
  const image = await pushed();
  const whole = source((text) => new Blob([text]).stream());
  const before = await left();
  await expect(layOut(whole, image, 10, never())).rejects.toMatchObject({
    isFinal: true,
    message: 'the image has more than 10 bytes',
  });
  const broken = source(
    () => new ReadableStream({ pull: (controller) => controller.error(new Error('the store is away')) }),
  );
  await expect(layOut(broken, image, 1000, never())).rejects.toThrow('the store is away');
  await expect(layOut(whole, image, 1000, AbortSignal.abort(new Error('it ends')))).rejects.toThrow('it ends');
  const bytes = Buffer.from(
    Buffer.from(image.bytes)
      .toString()
      .replaceAll(digestOf(Buffer.from('a layer')), `sha256:${'0'.repeat(64)}`),
  );
  await expect(layOut(whole, { ...image, bytes }, 1000, never())).rejects.toMatchObject({
    isFinal: true,
    message: 'the image has layers that are not stored here',
  });
  expect(await left()).toEqual(before);
});
