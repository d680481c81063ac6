import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { pushBlob, putManifest } from '../../test/http/registry.ts';
import { accessToken } from '../../test/http/tokens.ts';
import { bearer } from '../../test/support/people.ts';
import { ended, idOfRegistry, postImport } from '../importing/import-rig.double.ts';
import { type AdmissionRig, descriptorOf, openAdmissionRig, openssl, reader, writer } from './admission-rig.double.ts';

let rig: AdmissionRig;
beforeAll(async () => {
  rig = await openAdmissionRig();
  await rig.policy('prod', { repositories: ['prod/*'], mode: 'enforce', severity: 'High', fixableOnly: true });
});
afterAll(() => rig[Symbol.asyncDispose]());

describe('who may read what is refused (supply §18)', () => {
  let digest: string;
  beforeAll(async () => {
    ({ digest } = await rig.push('prod/signed', 'v1'));
    await rig.scan(digest, [openssl()]);
  });

  test('who may push, sign or read quarantine there; it is audited', async () => {
    const roles = { pusher: [writer], signer: [reader, 'AcrImageSigner'], scanner: [reader, 'AcrQuarantineReader'] };
    for (const [name, given] of Object.entries(roles)) {
      const headers = await rig.somebody(name, ...given);
      expect([name, (await rig.get('prod/signed', 'v1', { headers })).status]).toEqual([name, 200]);
    }
    await rig.until(async () => rig.audit().filter(({ reason }) => reason === 'read-for-signing').length >= 3);
  });

  test('by what they may do, not by what their token was asked for', async () => {
    const jwt = await rig.somebody('cosigner', writer);
    const token = await accessToken(rig.url, jwt.Authorization, ['repository:prod/signed:pull']);
    const headers = { Authorization: bearer(token) };
    expect((await rig.get('prod/signed', 'v1', { headers })).status).toBe(200);
  });

  test('exemption by User-Agent: none, with a principal that may pull alone', async () => {
    const headers = { ...rig.runtime, 'User-Agent': 'cosign/v3.1.2 notation/1.3' };
    expect((await rig.get('prod/signed', 'v1', { headers })).status).toBe(403);
  });

  test('signers may not where a policy says so; who reads quarantine may', async () => {
    const strict = { repositories: ['strict'], mode: 'enforce', severity: 'High', signersMayRead: false };
    await rig.policy('strict', strict);
    const image = await rig.push('strict', 'v1');
    await rig.scan(image.digest, [openssl()]);
    const get = async (name: string, ...roles: string[]) =>
      (await rig.get('strict', 'v1', { headers: await rig.somebody(name, ...roles) })).status;
    expect(await get('strict-pusher', writer)).toBe(403);
    expect(await get('strict-scanner', reader, 'AcrQuarantineReader')).toBe(200);
  });
});

describe('mistakes seen elsewhere (supply §19)', () => {
  test('HEAD or referrers blocked: they, and tags, are open to who may pull', async () => {
    const { digest } = await rig.push('prod/open', 'v1');
    await rig.scan(digest, [openssl()]);
    expect((await rig.get('prod/open', 'v1')).status).toBe(403);
    const head = await rig.head('prod/open', 'v1');
    expect([head.status, head.headers.get('docker-content-digest')]).toEqual([200, digest]);
    expect((await rig.head('prod/open', digest)).status).toBe(200);
    const ask = (path: string) => fetch(`${rig.url}/v2/prod/open/${path}`, { headers: rig.runtime });
    expect((await ask(`referrers/${digest}`)).status).toBe(200);
    expect(await (await ask('tags/list')).json()).toMatchObject({ tags: ['v1'] });
  });

  test('checks only the manifest by tag: by digest, by child digest, by mount and by copy it is denied, too', async () => {
    const image = await rig.push('prod/ways');
    await rig.scan(image.digest, [openssl()]);
    const index = await rig.index('prod/ways', 'multi', [descriptorOf(image, 'linux/amd64')]);
    for (const reference of ['multi', index, image.digest]) {
      expect([reference, (await rig.get('prod/ways', reference)).status]).toEqual([reference, 403]);
    }
    // Somebody who may write elsewhere puts it together from what is here.
    const condition = (name: string) =>
      `@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals '${name}'`;
    const id = await rig.people.identity('mover');
    await rig.people.assign(reader, id);
    await rig.people.assign(writer, id, { condition: condition('elsewhere') });
    const headers = { Authorization: `Basic ${btoa(`x:${await rig.people.jwt('mover')}`)}` };
    const mount = async (from: string) => {
      const query = `mount=${image.layerDigest}${from}`;
      return (await fetch(`${rig.url}/v2/elsewhere/blobs/uploads/?${query}`, { method: 'POST', headers })).status;
    };
    expect(await mount('&from=prod/ways')).toBe(202);
    expect(await mount('')).toBe(202);
    await rig.people.assign('Container Registry Data Importer and Data Reader', id);
    const order = {
      source: { resourceId: idOfRegistry('default'), sourceImage: `prod/ways@${image.digest}` },
      targetTags: ['elsewhere:copied'],
    };
    const copy = async () => {
      const answer = await postImport(rig, order, 'default', { headers });
      expect(answer.status).toBe(202);
      const { pathname, search } = new URL(answer.headers.get('azure-asyncoperation')!);
      return ended(rig, `${pathname}${search}`);
    };
    expect(await copy()).toMatchObject({
      status: 'Failed',
      error: { message: expect.stringContaining('CVE-2026-42767') },
    });
    // Once it is admitted, all of that works.
    await rig.scan(image.digest);
    await rig.until(async () => (await rig.get('prod/ways', 'multi')).status === 200);
    expect(await mount('&from=prod/ways')).toBe(201);
    expect(await copy()).toMatchObject({ status: 'Succeeded' });
  });

  test('image disguised as signature (one simplesigning layer + tar layers, tag sha256-….sig): it is an image, and gated', async () => {
    const config = '{"architecture":"amd64","os":"linux"}';
    const payload = '{"critical":{}}';
    const layer = (mediaType: string, bytes: string | Uint8Array) => ({
      mediaType,
      digest: `sha256:${new Bun.CryptoHasher('sha256').update(bytes).digest('hex')}`,
      size: Buffer.byteLength(bytes),
    });
    const simple = 'application/vnd.dev.cosign.simplesigning.v1+json';
    const tar = new Uint8Array(1024).fill(0);
    const push = async (layers: object[], blobs: (string | Uint8Array<ArrayBuffer>)[], tag: string) => {
      for (const blob of [config, ...blobs]) await pushBlob(rig.url, 'prod/disguise', blob);
      const manifest = {
        schemaVersion: 2,
        config: layer('application/vnd.oci.image.config.v1+json', config),
        layers,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
      };
      expect((await putManifest(rig.url, 'prod/disguise', tag, JSON.stringify(manifest))).status).toBe(201);
      return (await rig.get('prod/disguise', tag)).status;
    };
    const sig = (n: number) => `sha256-${String(n).repeat(64)}.sig`;
    const signature = layer(simple, payload);
    const image = layer('application/vnd.oci.image.layer.v1.tar', tar);
    expect(await push([signature, image], [payload, tar], sig(1))).toBe(403);
    // A tar that calls itself a signature.
    expect(await push([layer(simple, tar)], [tar], sig(2))).toBe(403);
    // A signature without the tag of one.
    expect(await push([signature, layer(simple, '{"other":1}')], [payload, '{"other":1}'], 'v1')).toBe(403);
    // What is one is open.
    expect(await push([signature], [payload], sig(3))).toBe(200);
  });

  test('stale allow: what is withdrawn is refused within seconds', async () => {
    const { digest } = await rig.push('prod/stale', 'v1');
    await rig.scan(digest);
    for (let n = 0; n < 5; n++) expect((await rig.get('prod/stale', 'v1')).status).toBe(200);
    const begin = performance.now();
    await rig.scan(digest, [openssl()]);
    await rig.until(async () => (await rig.get('prod/stale', 'v1')).status === 403);
    expect(performance.now() - begin).toBeLessThan(5000);
  });
});
