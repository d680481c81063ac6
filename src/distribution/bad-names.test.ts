import { afterAll, beforeAll } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, makeImage, ociManifest, putManifest } from '../../test/http/registry.ts';
import { type Refusal, type TestApp, testRefusals } from '../../test/http/refusals.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: TestApp;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const image = makeImage();
const call = (method: string, path: string) => fetch(`${server.url}/v2/${path}`, { method });
const push = (name: string, reference: string) =>
  putManifest(server.url, encodeURI(name), encodeURI(reference), image.text, ociManifest);

const badNames = ['A', 'a..b', 'a/', '/a', 'a//b', '-a', 'a-', '_a', 'a__', 'a.', '.a', 'a___b', 'a b', 'ä', 'a/.b'];
const badTags = ['.a', '-a', 'a'.repeat(129), 'a@b', 'ä', 'a,b'];
const badPages = ['-1', 'x', '1.5', '', '1e3', '%2B1'];
const badDigests = [
  'x',
  'sha256:',
  'sha256:0',
  `sha256:${'0'.repeat(63)}`,
  `sha256:${'0'.repeat(65)}`,
  `sha256:${'A'.repeat(64)}`,
  `sha512:${'0'.repeat(64)}`,
  `md5:${'0'.repeat(32)}`,
  'sha256:../../etc/passwd',
];

testRefusals(
  () => server,
  [
    ...[...badNames, 'a'.repeat(256)].map<Refusal>((name) => ({
      what: `the name ${name}`,
      request: () => push(name, 'latest'),
      status: 400,
      code: 'NAME_INVALID',
    })),
    ...badTags.map<Refusal>((tag) => ({
      what: `the tag ${tag}`,
      request: () => push('a', tag),
      status: 400,
      code: 'TAG_INVALID',
    })),
    ...badDigests.flatMap<Refusal>((digest) =>
      ['GET a/blobs/', 'POST a/blobs/uploads/?digest=', 'POST a/blobs/uploads/?mount=', 'GET a/referrers/'].map(
        (line) => {
          const [method = '', path = ''] = line.split(' ');
          const request = () => call(method, path + encodeURIComponent(digest));
          return { what: `the digest ${digest} in ${line}`, request, status: 400, code: 'DIGEST_INVALID' };
        },
      ),
    ),
    ...badPages.flatMap<Refusal>((n) =>
      ['_catalog', 'a/tags/list'].map((list) => ({
        what: `a page of ${n} in ${list}`,
        request: () => call('GET', `${list}?n=${n}`),
        status: 400,
        code: 'PAGINATION_NUMBER_INVALID',
        detail: { n: decodeURIComponent(n) },
      })),
    ),
    {
      what: 'a tag that looks like a digest',
      request: () => push('a', 'sha256:abc'),
      status: 400,
      code: 'DIGEST_INVALID',
      detail: { digest: 'sha256:abc' },
    },
    {
      what: 'a blob of an unknown repository',
      request: () => call('GET', `a/blobs/${digestOf('')}`),
      status: 404,
      code: 'NAME_UNKNOWN',
      detail: { name: 'a' },
    },
    {
      what: 'a delete in an unknown repository',
      request: () => call('DELETE', 'a/manifests/latest'),
      status: 404,
      code: 'NAME_UNKNOWN',
      detail: { name: 'a' },
    },
  ],
);
