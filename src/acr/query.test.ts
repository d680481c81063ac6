import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, makeImage, ociIndex, pushImage, putManifest } from '../../test/http/registry.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
const enable = (metadataSearch: 'Enabled' | 'Disabled') => managementOf(server.url).patch(registry, { metadataSearch });

type Row = Record<string, unknown>;
interface Answer {
  count: number;
  $skipToken: string;
  data: Row[];
}

const ask = (query: unknown, { name, options }: { name?: string; options?: unknown } = {}) =>
  fetch(`${server.url}/acr/v1/${name === undefined ? '' : `${name}/`}_metadata/_query`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, ...(options !== undefined && { options }) }),
  });

async function search(query: string, asked: { name?: string; options?: object } = {}): Promise<Answer> {
  const answer = await ask(query, asked);
  if (answer.status !== 200) throw new Error(await answer.text());
  return (await answer.json()) as Answer;
}

const rows = async (query: string, name?: string) => (await search(query, name === undefined ? {} : { name })).data;

async function refusal(query: unknown, options?: unknown) {
  const answer = await ask(query, { options });
  const { code, message, detail } = await errorOf(answer);
  return { status: answer.status, code, message, detail };
}

/** An image of `team/app` with a tag for each of these words. */
async function image(name: string, tags: string[], extra: Record<string, unknown> = {}) {
  const made = await pushImage(server.url, name, tags[0], makeImage(undefined, extra));
  for (const tag of tags.slice(1)) await putManifest(server.url, name, tag, made.text);
  return made;
}

let signed: Awaited<ReturnType<typeof image>>;
let plain: typeof signed;
let index: string;

beforeAll(async () => {
  server = await startTestApp();
  await enable('Enabled');
  signed = await image('team/app', ['v1', 'latest'], {
    annotations: { 'org.cncf.notary.signature.subject': 'wabbit-networks.io', build: '17' },
  });
  plain = await image('team/app', ['v2-rc'], { artifactType: 'application/vnd.example' });
  await fetch(`${server.url}/acr/v1/team/app/_manifests/${plain.digest}/_metadata/ticket`, {
    method: 'PUT',
    body: '{"id": 7, "open": true}',
    headers: { 'Content-Type': 'application/json' },
  });
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: [
      { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: plain.digest, size: plain.text.length },
    ],
  });
  index = digestOf(text);
  await putManifest(server.url, 'team/app', 'all', text, ociIndex);
  await image('other', ['v1']);
});
afterAll(() => server[Symbol.asyncDispose]());

const signature = "annotations['org.cncf.notary.signature.subject']";

describe('the queries of `az acr query`', () => {
  test('a manifest is answered with all that is known of it', async () => {
    const answer = await search(`Manifests | where digest == '${signed.digest}'`, { name: 'team/app' });
    expect(answer).toEqual({
      count: 1,
      $skipToken: '',
      data: [
        {
          digest: signed.digest,
          repository: 'team/app',
          tags: ['latest', 'v1'],
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          artifactType: 'application/vnd.oci.image.config.v1+json',
          configMediaType: 'application/vnd.oci.image.config.v1+json',
          createdAt: expect.stringMatching(/^20\d\d-/),
          size: signed.text.length,
          imageSize: signed.layer.byteLength + signed.config.length,
          architecture: 'amd64',
          os: 'linux',
          annotations: { 'org.cncf.notary.signature.subject': 'wabbit-networks.io', build: '17' },
          pullCount: 0,
          changeableAttributes: { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true },
        },
      ],
    });
  });

  test.each([
    ['Manifests', 4],
    ['Manifests | limit 1', 1],
    [`Manifests | where ${signature} == 'wabbit-networks.io' | project createdAt, digest, subject, repository`, 1],
    [
      "Manifests | where mediaType == 'application/vnd.oci.image.manifest.v1+json' and os == 'linux' and architecture == 'amd64'",
      3,
    ],
    ['Manifests | where imageSize > 500', 3],
    ['Manifests | where imageSize > 1000000000 | project imageSize, digest, repository | order by imageSize desc', 0],
    ['Manifests | project digest | order by digest asc', 4],
    ["Manifests | where artifactType == 'application/vnd.example' | project repository, digest", 1],
  ])('%s', async (query, count) => {
    expect((await search(query)).count).toBe(count);
  });
});

test.each([
  ["tags has 'rc'", ['plain']],
  ["'latest' in (tags)", ['signed']],
  ["tags contains '1'", ['signed']],
  ['array_length(tags) == 2', ['signed']],
  ["metadata.ticket.id == 7 and metadata['ticket'].open == true", ['plain']],
  ['isnotempty(metadata)', ['plain']],
  ['annotations.build == 17', ['signed']],
  ['tolong(annotations.build) between (10 .. 20)', ['signed']],
  [`not(isempty(${signature}))`, ['signed']],
  [`${signature} != 'wabbit-networks.io'`, ['index', 'plain']],
  ["mediaType endswith 'INDEX.v1+json'", ['index']],
  ['createdAt > ago(1h) and createdAt <= now()', ['index', 'plain', 'signed']],
  ['createdAt < ago(1h)', []],
  ['isnull(lastPullTime)', ['index', 'plain', 'signed']],
  ['changeableAttributes.deleteEnabled == true', ['index', 'plain', 'signed']],
  ["os in~ ('LINUX') or false", ['plain', 'signed']],
  ["repository == 'elsewhere'", []],
])('where %s', async (condition, names) => {
  const found = await rows(`Manifests | where ${condition} | project digest`, 'team/app');
  const called = new Map([
    [signed.digest, 'signed'],
    [plain.digest, 'plain'],
    [index, 'index'],
  ]);
  expect(found.map(({ digest }) => called.get(digest as string)!).toSorted()).toEqual(names);
});

test('all manifests are put in order, counted and summed up', async () => {
  expect(await rows('Manifests | count')).toEqual([{ Count: 4 }]);
  const groups = 'Manifests | summarize n = count(), bytes = sum(imageSize) by repository | order by repository asc';
  expect(await rows(`${groups} | project repository, n`)).toEqual([
    { repository: 'other', n: 1 },
    { repository: 'team/app', n: 3 },
  ]);
  expect(await rows("Manifests | where repository startswith 'TEAM/' | distinct repository")).toEqual([
    { repository: 'team/app' },
  ]);
  const newest = await rows('Manifests | top 2 by createdAt | project digest', 'team/app');
  expect(newest).toEqual([{ digest: index }, { digest: plain.digest }]);
  const extended = `Manifests | extend kib = imageSize / 1024, age = now() - createdAt | where kib < 1 | project-away tags`;
  expect((await rows(extended)).every((row) => !('tags' in row) && String(row['age']).startsWith('00:0'))).toBe(true);
});

test.each([
  'Manifests | project digest',
  'Manifests | order by createdAt desc | project digest',
  'Manifests | order by size, repository asc | project digest | take 3',
  'Manifests | distinct digest',
])('%s goes on page by page until its end', async (query) => {
  const all = (await rows(query)).map(({ digest }) => digest);
  const paged: unknown[] = [];
  for (let token: string | undefined; token !== '';) {
    const options: object = { $top: 1, ...(token !== undefined && { $skipToken: token }) };
    const page: Answer = await search(query, { options });
    expect(page.count).toBe(1);
    paged.push(page.data[0]!['digest']);
    token = page.$skipToken;
  }
  expect(paged).toEqual(all);
  expect(new Set(paged).size).toBe(query.includes('take') ? 3 : 4);
});

/** All rows, one a page. */
async function oneByOne(query: string, name: string): Promise<Row[]> {
  const found: Row[] = [];
  for (let token: string | undefined; token !== '';) {
    const options = { $top: 1, ...(token !== undefined && { $skipToken: token }) };
    const page: Answer = await search(query, { name, options });
    found.push(...page.data);
    token = page.$skipToken;
  }
  return found;
}

test('a number that no double holds is none: an order by it has all rows, and an answer leaves it out', async () => {
  for (const [tag, score] of [
    ['v1', '1'],
    ['v2', '1e999'],
    ['v3', '3'],
  ] as const) {
    const { digest } = await image('scored', [tag], { annotations: { tag } });
    const path = `${server.url}/acr/v1/scored/_manifests/${digest}/_metadata/scan`;
    const headers = { 'Content-Type': 'application/json' };
    const put = await fetch(path, { method: 'PUT', body: `{"score": ${score}, "of": [${score}]}`, headers });
    expect(put.status).toBe(201);
  }
  const by = (order: string) =>
    oneByOne(
      `Manifests | order by todouble(metadata.scan.score) ${order} | project tag = tags[0], score = metadata.scan.score, of = metadata.scan.of`,
      'scored',
    );
  const found = [
    { tag: 'v3', score: 3, of: [3] },
    { tag: 'v1', score: 1, of: [1] },
    { tag: 'v2', of: [null] },
  ];
  expect(await by('desc')).toEqual(found);
  expect(await by('asc')).toEqual([found[2]!, found[1]!, found[0]!]);
});

test('an order by many long texts goes on page by page, too', async () => {
  const keys = Array.from({ length: 8 }, (_, n) => `k${n}`);
  for (const tag of ['v1', 'v2', 'v3']) {
    const text = '\u0001説明'.repeat(100);
    await image('wordy', [tag], { annotations: { ...Object.fromEntries(keys.map((key) => [key, text])), tag } });
  }
  const order = [...keys.slice(1), 'tag'].map((key) => `annotations.${key} asc`).join(', ');
  expect(await oneByOne(`Manifests | order by ${order} | project tag = tags[0]`, 'wordy')).toEqual(
    ['v1', 'v2', 'v3'].map((tag) => ({ tag })),
  );
});

describe('what is refused', () => {
  test.each([
    [
      'Manifests | where',
      'query, character 18: a column, a value or a function is expected here, not the end of the query',
    ],
    ['Tags | take 1', 'query, character 1: the table Manifests, the only one, is expected here, not Tags'],
    ["Manifests | where Digest == 'x'", 'query, character 19: there is no column Digest here; there is digest'],
    [
      "Manifests | where createdAt > '2026-01-01'",
      'query, character 29: a datetime cannot be compared with a string; write datetime(2026-01-31)',
    ],
    [
      "Manifests | where digest matches regex '(a+)+$'",
      'query, character 26: matches regex is not served, since an expression can take any time; use has, contains, startswith or endswith',
    ],
  ])('%s', async (query, message) => {
    const said = await refusal(query);
    expect(said).toMatchObject({ status: 400, code: 'BAD_REQUEST', message, detail: { field: 'query' } });
  });

  test('a body that is none, and options that nobody knows, each with its field', async () => {
    for (const [query, options, field] of [
      [7, undefined, 'query'],
      ['', undefined, 'query'],
      ['Manifests', { $skip: 3 }, 'options.$skip'],
      ['Manifests', { $top: 0 }, 'options.$top'],
      ['Manifests', { $top: 1001 }, 'options.$top'],
      ['Manifests', { $skipToken: 'x' }, 'options.$skipToken'],
      ['Manifests', { $skipToken: 7 }, 'options.$skipToken'],
    ] as const) {
      expect(await refusal(query, options)).toMatchObject({ status: 400, detail: { field } });
    }
    const send = (body: string) => fetch(`${server.url}/acr/v1/_metadata/_query`, { method: 'POST', body });
    for (const body of ['', '[]', '{"query"', '\u{0}', '{"query": "Manifests", "more": 1}'])
      expect([body, (await send(body)).status]).toEqual([body, 400]);
    expect((await send(JSON.stringify({ query: 'x'.repeat(100_000) }))).status).toBe(413);
    expect((await errorOf(await send(JSON.stringify({ query: 'x'.repeat(5000) })))).message).toContain(
      '4096 characters',
    );
  });

  test('a token of another query, or of another repository', async () => {
    const { $skipToken } = await search('Manifests | project digest', { options: { $top: 1 } });
    for (const [query, name] of [
      ['Manifests | project size', undefined],
      ['Manifests | project digest', 'team/app'],
    ] as const) {
      const answer = await ask(query, { ...(name !== undefined && { name }), options: { $skipToken } });
      expect([answer.status, (await errorOf(answer)).message]).toEqual([
        400,
        'the $skipToken belongs to another query, or to another repository; send both as they were',
      ]);
    }
  });

  test('a token that somebody has made up leads nowhere else, and fails nothing', async () => {
    for (const query of ['Manifests | project digest', 'Manifests | order by createdAt desc | project digest']) {
      const { $skipToken } = await search(query, { name: 'team/app', options: { $top: 1 } });
      const token = JSON.parse(Buffer.from($skipToken, 'base64url').toString()) as { state: { place: unknown[] } };
      const [name, digest, at] = token.state.place;
      for (const place of [
        [name, digest, 'then'],
        [name, digest, '1e999'],
        [name, digest, -1],
        [name, 'sha256:\0', at],
        ['\0', digest, at],
        [7, 7, 7],
      ]) {
        const state = { ...token.state, place };
        const made = Buffer.from(JSON.stringify({ ...token, state })).toString('base64url');
        const answer = await ask(query, { name: 'team/app', options: { $skipToken: made } });
        expect([place, answer.status]).toEqual([place, 200]);
      }
    }
  });

  test('another method, an unknown repository, and a registry whose owner has not enabled it', async () => {
    const get = await fetch(`${server.url}/acr/v1/_metadata/_query`);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await ask('Manifests', { name: 'nowhere' })).status).toBe(404);
    await enable('Disabled');
    expect(await refusal('Manifests')).toMatchObject({ status: 403, code: 'DENIED' });
    expect((await refusal('Manifests')).message).toContain('bonded acr update --name NAME --allow-metadata-search');
    await enable('Enabled');
  });
});

test('a manifest that is not listed, and a repository that is not, are not found; the latter is by its name', async () => {
  const hidden = await image('quiet', ['v1']);
  const patch = (path: string, listEnabled: boolean) =>
    fetch(`${server.url}/acr/v1/${path}`, { method: 'PATCH', body: JSON.stringify({ listEnabled }) });
  const query = `Manifests | where digest == '${hidden.digest}'`;
  await patch(`quiet/_manifests/${hidden.digest}`, false);
  expect([await rows(query), await rows(query, 'quiet'), await rows('Manifests', 'quiet')]).toEqual([[], [], []]);
  await patch(`quiet/_manifests/${hidden.digest}`, true);
  await patch('quiet', false);
  expect([(await rows(query)).length, (await rows("Manifests | where repository == 'quiet'")).length]).toEqual([0, 0]);
  expect((await rows(query, 'quiet')).length).toBe(1);
});

test('searches beyond those that fit at once are told to come again, and lists go on', async () => {
  const bodies = Array.from({ length: 40 }, () => ask('Manifests | order by imageSize | project architecture, tags'));
  const lists = Array.from({ length: 10 }, () => fetch(`${server.url}/acr/v1/team/app/_manifests`));
  const statuses = (await Promise.all(bodies)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(statuses.includes(503) ? new Set([200, 503]) : new Set([200]));
  expect((await Promise.all(lists)).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
  expect((await search('Manifests')).count).toBeGreaterThan(3);
});
