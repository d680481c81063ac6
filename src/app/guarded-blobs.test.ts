import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf, type Image, makeImage, pushBlob, putManifest, randomBytes } from '../../test/http/registry.ts';
import { ended, idOfRegistry, postImport } from '../importing/import-rig.double.ts';
import { type AdmissionRig, descriptorOf, openAdmissionRig, openssl, reader, writer } from './admission-rig.double.ts';

/* Blobs that are let out with images alone that are (supply §18.6). */

let rig: AdmissionRig;
beforeAll(async () => {
  rig = await openAdmissionRig();
  await rig.policy('strict', { repositories: ['strict/*'], mode: 'enforce', severity: 'High', blobs: 'admitted' });
});
afterAll(() => rig[Symbol.asyncDispose]());

const blob = (name: string, digest: string, init: RequestInit = { headers: rig.runtime }) =>
  fetch(`${rig.url}/v2/${name}/blobs/${digest}`, init);
const status = async (name: string, digest: string, init?: RequestInit) => (await blob(name, digest, init)).status;
const becomes = (name: string, digest: string, wanted: number) =>
  rig.until(async () => (await status(name, digest)) === wanted);

/** An image of a layer of its own, on one that others have, too. */
async function on(base: Uint8Array<ArrayBuffer>, name: string, tag?: string): Promise<Image> {
  const image = makeImage();
  const manifest = JSON.parse(image.text) as { layers: object[] };
  const digest = await pushBlob(rig.url, name, base);
  manifest.layers.unshift({ ...manifest.layers[0], digest, size: base.length });
  const text = JSON.stringify(manifest);
  const own = `sha256:${new Bun.CryptoHasher('sha256').update(text).digest('hex')}`;
  return rig.push(name, tag, { ...image, text, digest: own });
}

const digestOf = (bytes: Uint8Array<ArrayBuffer>) =>
  `sha256:${new Bun.CryptoHasher('sha256').update(bytes).digest('hex')}`;

const condition = (name: string) =>
  `@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals '${name}'`;

describe('a blob in a repository whose policy asks for an image', () => {
  test('checks only the manifest by tag: the layers of a denied image are denied by their digests, in one line; it is audited', async () => {
    const image = await rig.push('strict/denied', 'v1');
    await rig.scan(image.digest, [openssl()]);
    const since = rig.audit().length;
    const configDigest = (JSON.parse(image.text) as { config: { digest: string } }).config.digest;
    for (const digest of [image.layerDigest, configDigest]) {
      const answer = await blob('strict/denied', digest);
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([403, 'private, no-store']);
      const { code, message, detail } = await errorOf(answer);
      expect(code).toBe('DENIED');
      expect(message.length).toBeLessThanOrEqual(256);
      expect(message).not.toContain('\n');
      expect(message).toStartWith(
        `strict/denied@${digest.slice(0, 19)} belongs to an image that is not let out: strict/denied:v1 (${image.digest.slice(0, 19)}) is denied by policy "strict": CVE-2026-42767`,
      );
      expect(message).toMatch(/ \[dec_[0-9a-f]{12}\]$/);
      expect(detail).toMatchObject({
        reason: 'admission',
        digest: image.digest,
        blob: digest,
        reasons: [{ code: 'VULNERABILITY', policy: 'strict' }],
      });
    }
    const [range, whether] = [{ Range: 'bytes=0-0' }, { 'If-None-Match': `"${image.layerDigest}"` }];
    for (const more of [range, whether])
      expect(await status('strict/denied', image.layerDigest, { headers: { ...rig.runtime, ...more } })).toBe(403);
    expect(rig.audit(since)[0]).toMatchObject({
      action: 'pull',
      outcome: 'denied',
      reason: 'admission',
      target: 'strict/denied',
      digest: image.digest,
      blob: image.layerDigest,
    });
    // As of manifests: it says no more than that it is there, which whoever has its digest knows, and pushers ask.
    expect(await status('strict/denied', image.layerDigest, { method: 'HEAD', headers: rig.runtime })).toBe(200);
  });

  test('is let out with the image that is, and no cache keeps it; so is a layer that a denied image has as well', async () => {
    const base = randomBytes(500);
    const [good, bad] = [await on(base, 'strict/shared', 'good'), await on(base, 'strict/shared', 'bad')];
    await rig.scan(bad.digest, [openssl()]);
    expect(await status('strict/shared', digestOf(base))).toBe(403);
    await rig.scan(good.digest);
    await becomes('strict/shared', digestOf(base), 200);
    const answer = await blob('strict/shared', good.layerDigest);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'private, no-store']);
    expect(await status('strict/shared', bad.layerDigest)).toBe(403);
  });

  test('follows evidence and exceptions, and the end of an exception', async () => {
    const { digest, layerDigest } = await rig.push('strict/turns', 'v1');
    await rig.scan(digest);
    expect(await status('strict/turns', layerDigest)).toBe(200);
    await rig.scan(digest, [openssl()]);
    await becomes('strict/turns', layerDigest, 403);
    const expiresOn = new Date(rig.now() + 60_000).toISOString();
    await rig.exception('turns', { vulnerability: 'CVE-2026-42767', repositories: ['strict/turns'], expiresOn });
    expect(await status('strict/turns', layerDigest)).toBe(200);
    rig.advance(61_000);
    expect(await status('strict/turns', layerDigest)).toBe(403);
    const refused = (await errorOf(await blob('strict/turns', layerDigest))).message;
    expect(refused).toContain('CVE-2026-42767');
  });

  test('goes with the index that admits the image', async () => {
    const image = await rig.push('strict/multi');
    const index = await rig.index('strict/multi', 'v1', [descriptorOf(image, 'linux/amd64')]);
    await rig.scan(image.digest, [openssl()]);
    expect(await status('strict/multi', image.layerDigest)).toBe(403);
    await rig.exception('multi-strict', {
      vulnerability: 'CVE-2026-42767',
      repositories: ['strict/multi'],
      digests: [index],
      expiresOn: new Date(rig.now() + 3_600_000).toISOString(),
    });
    expect(await status('strict/multi', image.layerDigest)).toBe(200);
  });

  test('is let out where a signature has it, whatever becomes of the image', async () => {
    const image = await rig.push('strict/signed', 'v1');
    await rig.scan(image.digest, [openssl()]);
    const layer = '{"critical":{"type":"cosign container image signature"}}';
    const signature = makeImage(new TextEncoder().encode(layer));
    const manifest = JSON.parse(signature.text) as { layers: { mediaType: string }[] };
    manifest.layers[0]!.mediaType = 'application/vnd.dev.cosign.simplesigning.v1+json';
    const text = JSON.stringify(manifest);
    await pushBlob(rig.url, 'strict/signed', signature.config);
    await pushBlob(rig.url, 'strict/signed', signature.layer);
    const tag = `${image.digest.replace(':', '-')}.sig`;
    expect((await putManifest(rig.url, 'strict/signed', tag, text)).status).toBe(201);
    expect(await status('strict/signed', signature.layerDigest)).toBe(200);
    expect(await status('strict/signed', image.layerDigest)).toBe(403);
  });

  test('that no image has is for who pushes it alone', async () => {
    const digest = await pushBlob(rig.url, 'strict/loose', 'no image has it');
    const { message } = await errorOf(await blob('strict/loose', digest));
    expect(message).toContain('is denied by policy "strict": no image here has this blob');
    expect(await status('strict/loose', digest, { headers: await rig.somebody('loose-pusher', writer) })).toBe(200);
  });

  test('is read by who may read what is refused: by what they may do now, and audited', async () => {
    const { digest, layerDigest } = await rig.push('strict/read', 'v1');
    await rig.scan(digest, [openssl()]);
    const roles = { pusher: [writer], signer: [reader, 'AcrImageSigner'], scanner: [reader, 'AcrQuarantineReader'] };
    for (const [name, given] of Object.entries(roles)) {
      const headers = await rig.somebody(`blob-${name}`, ...given);
      expect([name, await status('strict/read', layerDigest, { headers })]).toEqual([name, 200]);
    }
    const passed = () => rig.audit().filter((one) => one.reason === 'read-for-signing' && one['blob'] === layerDigest);
    await rig.until(async () => passed().length >= 3);
    expect(passed()[0]).toMatchObject({ target: 'strict/read', digest });
    // Nobody else has it because they have had it.
    expect(await status('strict/read', layerDigest)).toBe(403);
    await rig.policy('unread', {
      repositories: ['unread'],
      mode: 'enforce',
      severity: 'High',
      blobs: 'admitted',
      signersMayRead: false,
    });
    const image = await rig.push('unread', 'v1');
    await rig.scan(image.digest, [openssl()]);
    const as = (name: string) => rig.somebody(name, ...roles[name.slice(5) as keyof typeof roles]);
    expect(await status('unread', image.layerDigest, { headers: await as('none-pusher') })).toBe(403);
    expect(await status('unread', image.layerDigest, { headers: await as('none-scanner') })).toBe(200);
  });

  test('does not get out by mount or by copy', async () => {
    const image = await rig.push('strict/ways', 'v1');
    await rig.scan(image.digest, [openssl()]);
    const id = await rig.people.identity('blob-mover');
    await rig.people.assign(reader, id);
    await rig.people.assign(writer, id, { condition: condition('elsewhere') });
    await rig.people.assign('Container Registry Data Importer and Data Reader', id);
    const headers = { Authorization: `Basic ${btoa(`x:${await rig.people.jwt('blob-mover')}`)}` };
    const mount = async (digest: string, from: string) => {
      const query = `mount=${digest}${from}`;
      return (await fetch(`${rig.url}/v2/elsewhere/blobs/uploads/?${query}`, { method: 'POST', headers })).status;
    };
    const loose = await pushBlob(rig.url, 'strict/ways', 'nobody has named this yet');
    const copy = async () => {
      const order = {
        source: { resourceId: idOfRegistry('default'), sourceImage: `strict/ways@${image.digest}` },
        targetTags: ['elsewhere:strict'],
      };
      const answer = await postImport(rig, order, 'default', { headers });
      const { pathname, search } = new URL(answer.headers.get('azure-asyncoperation')!);
      return ended(rig, `${pathname}${search}`);
    };
    for (const digest of [image.layerDigest, loose]) {
      expect(await mount(digest, '&from=strict/ways')).toBe(202);
      expect(await mount(digest, '')).toBe(202);
    }
    expect(await copy()).toMatchObject({ status: 'Failed' });
    expect(await status('elsewhere', image.layerDigest)).toBe(404);
    await rig.scan(image.digest);
    await rig.until(async () => (await mount(image.layerDigest, '&from=strict/ways')) === 201);
    expect(await mount(loose, '&from=strict/ways')).toBe(202);
    expect(await copy()).toMatchObject({ status: 'Succeeded' });
  });

  test('goes with the image that is deleted', async () => {
    const { digest, layerDigest } = await rig.push('strict/gone', 'v1');
    await rig.scan(digest);
    expect(await status('strict/gone', layerDigest)).toBe(200);
    expect((await fetch(`${rig.url}/v2/strict/gone/manifests/${digest}`, { method: 'DELETE' })).status).toBe(202);
    await rig.until(async () => [403, 404].includes(await status('strict/gone', layerDigest)));
  });
});

test('in quarantine a blob waits with its image, in the words of ACR, and is released with it', async () => {
  await rig.policy('held', { repositories: ['held'], mode: 'quarantine', severity: 'High', blobs: 'admitted' });
  const before = await rig.push('held', 'v1');
  await rig.scan(before.digest);
  await rig.until(async () => (await rig.get('held', 'v1')).status === 200);
  const { digest, layerDigest } = await rig.push('held', 'v1');
  const answer = await blob('held', layerDigest);
  expect(answer.status).toBe(403);
  const { message, detail } = await errorOf(answer);
  expect(message).toStartWith('The operation is disallowed: held@');
  expect(detail).toMatchObject({ reason: 'quarantine', digest, blob: layerDigest });
  // What the tag leads to meanwhile is whole.
  expect((await rig.get('held', 'v1')).headers.get('docker-content-digest')).toBe(before.digest);
  expect(await status('held', before.layerDigest)).toBe(200);
  await rig.scan(digest);
  await becomes('held', layerDigest, 200);
});

test('an image that is let out before its scan is let out whole', async () => {
  const open = { repositories: ['unscanned'], mode: 'enforce', unscanned: 'allow', blobs: 'admitted' };
  await rig.policy('unscanned', open);
  const { layerDigest } = await rig.push('unscanned', 'v1');
  expect((await rig.get('unscanned', 'v1')).status).toBe(200);
  expect(await status('unscanned', layerDigest)).toBe(200);
});

test('nothing is asked of blobs by a policy that says nothing of them, or that audits', async () => {
  await rig.policy('manifests', { repositories: ['manifests'], mode: 'enforce', severity: 'High' });
  await rig.policy('watching', { repositories: ['watching'], mode: 'audit', severity: 'High', blobs: 'admitted' });
  for (const name of ['manifests', 'watching']) {
    const { digest, layerDigest } = await rig.push(name, 'v1');
    await rig.scan(digest, [openssl()]);
    const answer = await blob(name, layerDigest);
    expect([name, answer.status, answer.headers.get('cache-control')]).toEqual([
      name,
      200,
      'private, max-age=31536000, immutable',
    ]);
  }
});
