import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { pushImage } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

test('lesson 38: every name and tag of the grammar works from push to pull, also one that looks like a path of the API', async () => {
  await using server = await startTestApp();
  const names = [
    'a',
    '0',
    'a__b',
    'a--b',
    'a---b.c_d/e',
    'a/manifests/b',
    'blobs/uploads',
    'tags/list',
    'v2/x',
    'a/blobs/uploads',
    'uploads',
    'referrers/a',
    `${'a'.repeat(127)}/${'b'.repeat(127)}`,
  ];
  const tags = ['latest', '_', 'A', '0', 'a..b', 'a--b', 'list', 'uploads', 'sha256', 'T'.repeat(128)];
  for (const [at, name] of names.entries()) {
    const tag = tags[at % tags.length]!;
    const image = await pushImage(server.url, name, tag);
    const url = `${server.url}/v2/${name}`;
    expect(await (await fetch(`${url}/manifests/${tag}`)).text()).toBe(image.text);
    expect((await fetch(`${url}/blobs/${image.layerDigest}`)).status).toBe(200);
    expect(await (await fetch(`${url}/tags/list`)).json()).toEqual({ name, tags: [tag] });
    expect((await fetch(`${url}/referrers/${image.digest}`)).status).toBe(200);
  }
  expect(await (await fetch(`${server.url}/v2/_catalog`)).json()).toEqual({ repositories: names.toSorted() });
});
