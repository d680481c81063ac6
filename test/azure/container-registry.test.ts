import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { Readable } from 'node:stream';
import {
  ContainerRegistryClient,
  ContainerRegistryContentClient,
  KnownContainerRegistryAudience,
} from '@azure/container-registry';
import { digestOf, ociIndex, ociManifest, configDescriptor, layerDescriptor, randomBytes } from '../http/registry.ts';
import { type AzureServer, startAzureServer, type TokenSource } from './azure-server.ts';

/* The published client, which speaks TLS alone: challenge, exchange and token are its own doing. */

let azure: AzureServer;
let robot: TokenSource;
const audience = KnownContainerRegistryAudience.AzureResourceManagerPublicCloud;

beforeAll(async () => {
  azure = await startAzureServer();
  robot = await azure.identity('robot', [
    'Container Registry Repository Contributor',
    'Container Registry Repository Catalog Lister',
  ]);
});
afterAll(() => azure[Symbol.asyncDispose]());

const client = (credential: TokenSource | undefined = robot) =>
  new ContainerRegistryClient(azure.url, credential, { audience, ...azure.options });
const anonymous = () => new ContainerRegistryClient(azure.url, { audience, ...azure.options });
const content = (repository: string, credential = robot) =>
  new ContainerRegistryContentClient(azure.url, repository, credential, { audience, ...azure.options });

/** What the client may change of any of them. */
type Change = { canDelete?: boolean; canWrite?: boolean; canList?: boolean; canRead?: boolean };

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of list) found.push(one);
  return found;
}

/** Pushes an image by the client itself. */
async function push(repository: string, tag?: string, architecture = 'arm64'): Promise<string> {
  const to = content(repository);
  const config = Buffer.from(JSON.stringify({ architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }));
  const layer = Buffer.from(randomBytes(1000));
  for (const bytes of [config, layer]) expect((await to.uploadBlob(bytes)).digest).toBe(digestOf(bytes));
  const manifest = {
    schemaVersion: 2,
    mediaType: ociManifest,
    config: configDescriptor(config),
    layers: [layerDescriptor(layer)],
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const { digest } = await to.setManifest(bytes, { ...(tag !== undefined && { tag }), mediaType: ociManifest });
  expect(digest).toBe(digestOf(bytes));
  return digest;
}

describe('ContainerRegistryContentClient', () => {
  test('uploads and downloads blobs and manifests, and deletes them', async () => {
    const to = content('team/content');
    const digest = await push('team/content', 'v1');
    const got = await to.getManifest('v1');
    expect([got.digest, got.mediaType]).toEqual([digest, ociManifest]);
    const layer = (got.manifest as { layers: { digest: string; size: number }[] }).layers[0]!;
    const bytes: Buffer[] = [];
    for await (const chunk of (await to.downloadBlob(layer.digest)).content)
      bytes.push(Buffer.from(chunk as Uint8Array));
    expect(digestOf(Buffer.concat(bytes))).toBe(layer.digest);
    // Larger than one chunk of its uploads (4 MiB).
    const large = Buffer.from(randomBytes(5_000_000));
    expect((await to.uploadBlob(large)).digest).toBe(digestOf(large));
    await to.deleteBlob(digestOf(large));
    await to.deleteManifest(digest);
    await expect(to.getManifest('v1')).rejects.toMatchObject({ statusCode: 404 });
  });

  test('takes blobs and manifests from streams and objects, too, and gives manifests by digest', async () => {
    const to = content('team/streams');
    const config = Buffer.from('{}');
    const layer = Buffer.from(randomBytes(10_000));
    for (const bytes of [config, layer])
      expect((await to.uploadBlob(Readable.from([bytes]))).digest).toBe(digestOf(bytes));
    const manifest = {
      schemaVersion: 2,
      mediaType: ociManifest,
      config: configDescriptor(config),
      layers: [layerDescriptor(layer)],
    };
    const { digest } = await to.setManifest(manifest, { tag: 'object' });
    const bytes = Buffer.from(JSON.stringify(manifest));
    expect((await to.setManifest(Readable.from([bytes]))).digest).toBe(digestOf(bytes));
    expect((await to.getManifest('object')).digest).toBe(digest);
    expect((await to.getManifest(digestOf(bytes))).manifest).toMatchObject({ schemaVersion: 2 });
    await expect(to.downloadBlob(digestOf('none'))).rejects.toMatchObject({ statusCode: 404 });
    await expect(to.deleteBlob(digestOf(layer))).rejects.toMatchObject({ statusCode: 409 });
  });
});

describe('ContainerRegistryClient', () => {
  test('lists repositories, page by page', async () => {
    for (const name of ['list/a', 'list/b/c', 'list/d']) await push(name, 'v1');
    const names = await all(client().listRepositoryNames());
    expect(names.filter((name) => name.startsWith('list/'))).toEqual(['list/a', 'list/b/c', 'list/d']);
    const pages = await all(client().listRepositoryNames().byPage({ maxPageSize: 2 }));
    expect(pages.flat()).toEqual(names);
    expect(pages.slice(0, -1).every(({ length }) => length === 2)).toBe(true);
  });

  test('reads the properties of a repository, of tags and of manifests', async () => {
    const name = 'props/app';
    const digest = await push(name, 'v1');
    const { size } = (
      (await azure.call(`/v2/${name}/manifests/v1`).then((answer) => answer.json())) as { layers: { size: number }[] }
    ).layers[0]!;
    const repository = client().getRepository(name);
    const properties = await repository.getProperties();
    expect(properties).toMatchObject({ name, registryLoginServer: azure.server.host, manifestCount: 1, tagCount: 1 });
    expect(properties).toMatchObject({ canDelete: true, canWrite: true, canList: true, canRead: true });
    expect(properties.createdOn).toBeInstanceOf(Date);
    const artifact = repository.getArtifact('v1');
    const tag = await artifact.getTagProperties('v1');
    expect(tag).toMatchObject({ name: 'v1', digest, repositoryName: name, canDelete: true });
    expect(tag.lastUpdatedOn.getTime()).toBeGreaterThanOrEqual(tag.createdOn.getTime());
    const manifest = await artifact.getManifestProperties();
    expect(manifest).toMatchObject({ digest, architecture: 'arm64', operatingSystem: 'linux', tags: ['v1'] });
    expect(manifest.sizeInBytes).toBeGreaterThan(size);
    const unknown = { statusCode: 404 };
    await expect(client().getRepository('props/none').getProperties()).rejects.toMatchObject(unknown);
    await expect(artifact.getTagProperties('v2')).rejects.toMatchObject(unknown);
    await expect(repository.getArtifact(digestOf('none')).getManifestProperties()).rejects.toMatchObject(unknown);
  });

  test('reads what an index lists, with its platforms', async () => {
    const name = 'props/index';
    const children = [await push(name, undefined, 'amd64'), await push(name, undefined, 'arm64')];
    const manifests = children.map((digest, at) => ({
      mediaType: ociManifest,
      digest,
      size: 1,
      platform: { architecture: ['amd64', 'arm64'][at], os: 'linux' },
    }));
    for (const entry of manifests) {
      const head = await azure.call(`/v2/${name}/manifests/${entry.digest}`, { method: 'HEAD' });
      entry.size = Number(head.headers.get('content-length'));
    }
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests }));
    await content(name).setManifest(index, { tag: 'all', mediaType: ociIndex });
    const one = await client().getArtifact(name, 'all').getManifestProperties();
    const related = children.map((digest, at) =>
      expect.objectContaining({ digest, architecture: ['amd64', 'arm64'][at], operatingSystem: 'linux' }),
    );
    expect(one.relatedArtifacts).toEqual(expect.arrayContaining(related));
    const listed = await all(client().getRepository(name).listManifestProperties());
    expect(listed.find(({ digest }) => digest === one.digest)!.relatedArtifacts).toEqual(
      expect.arrayContaining(related),
    );
  });

  test('lists tags and manifests in each order, page by page', async () => {
    const name = 'order/app';
    const digests: string[] = [];
    for (const tag of ['c', 'a', 'b', 'e', 'd']) {
      digests.push(await push(name, tag));
      // Times have milliseconds.
      await Bun.sleep(3);
    }
    const repository = client().getRepository(name);
    const tags = async (order?: 'LastUpdatedOnAscending' | 'LastUpdatedOnDescending') => {
      const list = repository.getArtifact('a').listTagProperties(order && { order });
      const pages = await all(list.byPage({ maxPageSize: 2 }));
      expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
      return pages.flat().map((tag) => tag.name);
    };
    expect(await tags()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(await tags('LastUpdatedOnAscending')).toEqual(['c', 'a', 'b', 'e', 'd']);
    expect(await tags('LastUpdatedOnDescending')).toEqual(['d', 'e', 'b', 'a', 'c']);
    const manifests = async (order?: 'LastUpdatedOnAscending' | 'LastUpdatedOnDescending') => {
      const pages = await all(repository.listManifestProperties(order && { order }).byPage({ maxPageSize: 2 }));
      return pages.flat().map(({ digest }) => digest);
    };
    expect(await manifests()).toEqual(digests.toSorted());
    expect(await manifests('LastUpdatedOnAscending')).toEqual(digests);
    expect(await manifests('LastUpdatedOnDescending')).toEqual(digests.toReversed());
  });

  test('changes what may be done with a repository, a tag and a manifest, each by itself', async () => {
    const name = 'update/app';
    const digest = await push(name, 'v1');
    const repository = client().getRepository(name);
    const artifact = repository.getArtifact('v1');
    const levels = [
      {
        get: () => artifact.getTagProperties('v1'),
        update: (change: Change) => artifact.updateTagProperties('v1', change),
        has: { name: 'v1', digest, repositoryName: name },
      },
      {
        get: () => artifact.getManifestProperties(),
        update: (change: Change) => artifact.updateManifestProperties(change),
        has: { digest, repositoryName: name, tags: ['v1'] },
      },
      {
        get: () => repository.getProperties(),
        update: (change: Change) => repository.updateProperties(change),
        has: { name, tagCount: 1, manifestCount: 1 },
      },
    ];
    for (const { get, update, has } of levels) {
      const shown = { canDelete: true, canWrite: true, canList: true, canRead: true };
      expect(await get()).toMatchObject({ ...has, ...shown });
      for (const change of [
        { canDelete: false },
        { canWrite: false, canRead: false },
        { canList: false, canRead: true },
      ]) {
        Object.assign(shown, change);
        expect(await update(change)).toMatchObject({ ...has, ...shown });
        expect(await get()).toMatchObject({ ...has, ...shown });
      }
      const given = { canDelete: true, canWrite: true, canList: true, canRead: true };
      expect(await update(given)).toMatchObject({ ...has, ...given });
    }
  });

  test('hears what is locked: nothing moves, goes or is read until it is unlocked', async () => {
    const name = 'locked/app';
    const digest = await push(name, 'v1');
    const repository = client().getRepository(name);
    const artifact = repository.getArtifact(digest);
    const says = `The tag v1 of ${name} has writeEnabled set to false by robot`;
    await artifact.updateTagProperties('v1', { canDelete: false, canWrite: false });
    for (const refused of [
      () => push(name, 'v1'),
      () => artifact.deleteTag('v1'),
      () => artifact.delete(),
      () => repository.delete(),
      () => content(name).deleteManifest(digest),
    ])
      await expect(refused()).rejects.toMatchObject({ statusCode: 405 });
    await expect(artifact.deleteTag('v1')).rejects.toThrow(says);
    await artifact.updateTagProperties('v1', { canRead: false, canList: false });
    await expect(content(name).getManifest('v1')).rejects.toMatchObject({ statusCode: 405 });
    expect((await content(name).getManifest(digest)).digest).toBe(digest);
    expect(await all(artifact.listTagProperties())).toEqual([]);
    expect((await artifact.getManifestProperties()).tags).toEqual([]);
    await repository.updateProperties({ canList: false });
    expect(await all(client().listRepositoryNames())).not.toContain(name);
    await artifact.updateManifestProperties({ canList: false });
    expect((await all(repository.listManifestProperties())).map((one) => one.digest)).not.toContain(digest);
    await artifact.updateTagProperties('v1', { canDelete: true, canWrite: true });
    await artifact.deleteTag('v1');
    await repository.delete();
    await expect(repository.getProperties()).rejects.toMatchObject({ statusCode: 404 });
  });

  test('changes nothing for who may only read', async () => {
    const name = 'update/roles';
    await push(name, 'v1');
    const reader = client(await azure.identity('looker', ['Container Registry Repository Reader']));
    const artifact = reader.getArtifact(name, 'v1');
    for (const refused of [
      () => artifact.updateTagProperties('v1', { canDelete: false }),
      () => artifact.updateManifestProperties({ canDelete: false }),
      () => reader.getRepository(name).updateProperties({ canDelete: false }),
    ])
      await expect(refused()).rejects.toMatchObject({ statusCode: 403 });
    expect((await artifact.getTagProperties('v1')).canDelete).toBe(true);
    const writer = client(await azure.identity('writer', ['Container Registry Repository Writer']));
    expect((await writer.getArtifact(name, 'v1').updateTagProperties('v1', { canDelete: false })).canDelete).toBe(
      false,
    );
    const unknown = { statusCode: 404 };
    await expect(writer.getRepository('update/none').updateProperties({ canDelete: false })).rejects.toMatchObject(
      unknown,
    );
    await expect(writer.getArtifact(name, 'v1').updateTagProperties('v9', {})).rejects.toMatchObject(unknown);
  });

  test('deletes a tag, a manifest, a repository', async () => {
    const name = 'delete/me';
    const first = await push(name, 'v1');
    await push(name, 'v2');
    const repository = client().getRepository(name);
    await repository.getArtifact('v1').deleteTag('v1');
    expect((await repository.getArtifact(first).getManifestProperties()).tags).toEqual([]);
    await repository.getArtifact(first).delete();
    expect((await repository.getProperties()).manifestCount).toBe(1);
    await client().deleteRepository(name);
    await expect(repository.getProperties()).rejects.toMatchObject({ statusCode: 404 });
    expect(await all(client().listRepositoryNames())).not.toContain(name);
  });

  test('without a credential reads what everybody may pull, and nothing else', async () => {
    await push('public/app', 'v1');
    await push('private/app', 'v1');
    await expect(anonymous().getRepository('public/app').getProperties()).rejects.toMatchObject({ statusCode: 401 });
    await azure.put(
      'Microsoft.ContainerRegistry/registries/default',
      { anonymousPullRepositories: ['public/*'] },
      { location: 'local', sku: { name: 'Premium' } },
    );
    const open = anonymous();
    expect((await open.getRepository('public/app').getProperties()).tagCount).toBe(1);
    expect((await open.getArtifact('public/app', 'v1').getManifestProperties()).tags).toEqual(['v1']);
    expect(await all(open.listRepositoryNames())).toEqual(['public/app']);
    await expect(open.getRepository('private/app').getProperties()).rejects.toMatchObject({ statusCode: 401 });
    await expect(open.deleteRepository('public/app')).rejects.toMatchObject({ statusCode: 401 });
    expect((await open.getRepository('public/app').getProperties()).tagCount).toBe(1);
  });

  test('of an identity with other roles is refused', async () => {
    await push('roles/app', 'v1');
    const reader = client(await azure.identity('reader', ['Container Registry Repository Reader']));
    expect((await reader.getRepository('roles/app').getProperties()).tagCount).toBe(1);
    await expect(reader.deleteRepository('roles/app')).rejects.toMatchObject({ statusCode: 403 });
    expect((await reader.getRepository('roles/app').getProperties()).tagCount).toBe(1);
    const nobody = client(await azure.identity('nobody', []));
    await expect(nobody.getRepository('roles/app').getProperties()).rejects.toMatchObject({ statusCode: 403 });
  });
});
