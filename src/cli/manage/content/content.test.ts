import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { digestOf, makeImage, ociIndex, ociManifest, pushImage, putManifest } from '../../../../test/http/registry.ts';
import { bonded } from '../../../../test/support/command.ts';
import { program } from '../../../../test/support/program.ts';
import { openCommands, settled } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(() => rig[Symbol.asyncDispose]());

const printed = async (...words: string[]) => {
  const { code, out, error } = await rig.run(words);
  expect([code, error]).toEqual([0, '']);
  return settled(out, rig.server.host);
};
const push = (name: string, tag: string, image = makeImage()) => pushImage(rig.server.url, name, tag, image);
const emptyIndex = (n: number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } });

describe('lists', () => {
  test('go on to the end, however many pages that are, and stop where --top says', async () => {
    for (let n = 0; n < 7; n++)
      expect((await putManifest(rig.server.url, 'pages', `v${n}`, emptyIndex(n), ociIndex)).ok).toBe(true);
    for (let n = 7; n < 230; n += 20) {
      const some = Array.from({ length: Math.min(20, 230 - n) }, (_, at) => `v${n + at}`);
      await Promise.all(
        some.map((tag) => putManifest(rig.server.url, 'pages', tag, emptyIndex(Number(tag.slice(1))), ociIndex)),
      );
    }
    const count = async (...words: string[]) => ((await rig.ok(...words)) as unknown[]).length;
    // Two and a half pages of manifests, whose pages have 100.
    expect(await count('acr', 'manifest', 'list-metadata', '--name', 'pages')).toBe(230);
    expect(await count('acr', 'manifest', 'list-metadata', '--name', 'pages', '--top', '130')).toBe(130);
    expect(await count('acr', 'tag', 'list', '--repository', 'pages')).toBe(230);
    expect(await rig.ok('acr', 'repository', 'show-tags', '--repository', 'pages', '--top', '2')).toEqual(['v0', 'v1']);
    expect(
      await rig.ok(
        'acr',
        'tag',
        'list',
        '--repository',
        'pages',
        '--orderby',
        'time_asc',
        '--top',
        '2',
        '--query',
        '[].name',
      ),
    ).toEqual(['v0', 'v1']);
    expect(await count('acr', 'manifest', 'list', '--name', 'pages', '--top', '9')).toBe(9);
  });

  test('of repositories, tags and manifests are tables', async () => {
    const image = await push('tables/app', 'v1');
    expect((await printed('acr', 'repository', 'list', '-o', 'tsv')).split('\n')).toContain('tables/app');
    expect(await printed('acr', 'tag', 'list', '--repository', 'tables/app', '-o', 'table')).toBe(
      `Name  Digest${' '.repeat(65)}  LastUpdate            LastPull  Locked\n` +
        `----  ${'-'.repeat(71)}  --------------------  --------  ------\n` +
        `v1    ${image.digest}  TIME\n`,
    );
    expect(await printed('acr', 'repository', 'show-tags', '--repository', 'tables/app', '-o', 'table')).toBe(
      'Result\n------\nv1\n',
    );
    expect(await printed('acr', 'repository', 'show-tags', '--repository', 'tables/app', '-o', 'tsv')).toBe('v1\n');
    expect(await printed('acr', 'manifest', 'list-metadata', '--name', 'tables/app', '-o', 'tsv')).toStartWith(
      `${image.digest}\tv1\t`,
    );
    const { out } = await rig.run(['acr', 'repository', 'show', '--repository', 'tables/app', '-o', 'tsv']);
    expect(out).toStartWith('tables/app\t1\t1\t');
    const tag = await rig.run(['acr', 'repository', 'show', '--image', 'tables/app:v1', '-o', 'tsv']);
    expect(tag.out).toStartWith(`v1\t${image.digest}\t`);
    const one = await rig.run(['acr', 'manifest', 'show-metadata', `tables/app@${image.digest}`, '-o', 'tsv']);
    expect(one.out).toStartWith(`${image.digest}\tv1\t${ociManifest}\t`);
    const [whole] = (await rig.ok('acr', 'manifest', 'list', '--name', 'tables/app')) as object[];
    expect(whole).toEqual({ digest: image.digest, ...JSON.parse(image.text) });
  });
});

test('whoever reads the beginning alone, as head does, is told of no error', async () => {
  for (let n = 0; n < 300; n += 20) {
    const names = Array.from({ length: 20 }, (_, at) => `v${n + at}-${'x'.repeat(100)}`);
    await Promise.all(names.map((tag) => putManifest(rig.server.url, 'long', tag, emptyIndex(0), ociIndex)));
  }
  const list = `${program} acr tag list --repository long -o json; echo $? >&2`;
  const environment = { ...rig.environment, PATH: process.env['PATH']! };
  const shell = Bun.spawn(['sh', '-c', `{ ${list}; } | head -n 1`], {
    env: environment,
    stdout: 'pipe',
    stderr: 'pipe',
  });
  expect([await new Response(shell.stdout).text(), await new Response(shell.stderr).text()]).toEqual(['[\n', '0\n']);
});

describe('one thing', () => {
  test('is shown by tag and by digest, and a manifest as it was pushed', async () => {
    const image = await push('one/app', 'v1');
    const host = rig.server.host;
    expect(await rig.ok('acr', 'repository', 'show', '-t', 'one/app:v1', '--query', 'digest')).toBe(image.digest);
    expect(await rig.ok('acr', 'tag', 'show', '--image', 'one/app:v1', '--query', 'name')).toBe('v1');
    expect(
      await rig.ok('acr', 'manifest', 'show-metadata', '-n', `one/app@${image.digest}`, '--query', 'tags'),
    ).toEqual(['v1']);
    expect(await rig.ok('acr', 'manifest', 'show', `${host}/one/app:v1`)).toEqual(JSON.parse(image.text));
    expect(await rig.ok('acr', 'manifest', 'show', 'one/app:v1', '--query', 'mediaType')).toBe(ociManifest);
  });

  test('has referrers, all of them or those of a type', async () => {
    const image = await push('signed/app', 'v1');
    const refer = (artifactType: string) =>
      JSON.stringify({
        schemaVersion: 2,
        mediaType: ociIndex,
        artifactType,
        manifests: [],
        subject: { mediaType: ociManifest, digest: image.digest, size: image.text.length },
      });
    for (const type of ['application/a', 'application/b']) {
      expect(
        (await putManifest(rig.server.url, 'signed/app', digestOf(refer(type)), refer(type), ociIndex)).status,
      ).toBe(201);
    }
    const list = ['acr', 'manifest', 'list-referrers', '-n', 'signed/app:v1', '--query', 'sort([].artifactType)'];
    expect(await rig.ok(...list)).toEqual(['application/a', 'application/b']);
    expect(await rig.ok(...list, '--artifact-type', 'application/b')).toEqual(['application/b']);
  });

  test('that is not there ends with 3, in one line with the id of the request', async () => {
    await push('one/app', 'v1');
    for (const [words, message] of [
      [
        ['acr', 'repository', 'show', '--repository', 'none'],
        /^bonded: repository name not known .*\(request [^)]+\)\n$/,
      ],
      [['acr', 'tag', 'show', '--image', 'one/app:v9'], /^bonded: tag unknown to this repository \(request [^)]+\)\n$/],
      [['acr', 'repository', 'untag', '--image', 'one/app:v9'], /^bonded: .*\(request [^)]+\)\n$/],
      [['acr', 'manifest', 'show', '-n', 'one/app:v9'], /^bonded: .*\(request [^)]+\)\n$/],
    ] as const) {
      const [code, error] = await rig.refused(...words);
      expect(code).toBe(3);
      expect(error).toMatch(message);
    }
  });

  test.each([
    [['acr', 'repository', 'show'], 'say which: --image REPOSITORY:TAG, or --repository NAME'],
    [
      ['acr', 'repository', 'show', '--image', 'A:b'],
      '--image "A:b" is no image; write REPOSITORY:TAG or REPOSITORY@DIGEST',
    ],
    [
      ['acr', 'repository', 'show', '--image', 'a@sha256:1'],
      '--image "a@sha256:1" is no image; write REPOSITORY:TAG or REPOSITORY@DIGEST',
    ],
    [['acr', 'repository', 'show', '--image', 'a', '--repository', 'b'], 'give --image or --repository, not both'],
    [
      ['acr', 'tag', 'list', '--repository', '../a'],
      '--repository "../a" is no name of a repository, such as team/app',
    ],
    [['acr', 'tag', 'show', '-t', `a@sha256:${'0'.repeat(64)}`], '--image names a tag here: REPOSITORY:TAG'],
    [
      ['acr', 'repository', 'update', '-t', 'a:b'],
      'say what is to change: --delete-enabled, --write-enabled, --read-enabled, --list-enabled',
    ],
    [['acr', 'manifest', 'show'], 'say which, by --name or as LOGIN_SERVER/REPOSITORY'],
    [['acr', 'lock', '-t', 'a:b', '--until', '2020-01-01'], '--until is in the past'],
    [['acr', 'lock', '-t', 'a:b', '--until', 'soon'], '--until is a time such as 2027-01-31, or 12h, 30d, 2w from now'],
  ])('%p is answered with one line', async (words, message) => {
    expect(await rig.refused(...words)).toEqual([2, `bonded: ${message}\n`]);
  });
});

describe('deleting', () => {
  test('an image deletes its manifest with every tag on it, once it is said that this is meant', async () => {
    const image = await push('gone/app', 'v1');
    await push('gone/app', 'latest', image);
    await push('gone/app', 'other');
    const words = ['acr', 'repository', 'delete', '--image', 'gone/app:v1'];
    const { code, out, error } = await rig.run(words);
    expect([code, out]).toEqual([2, '']);
    expect(error).toBe(
      `The manifest gone/app@${image.digest} goes, and its tags:\n  latest\n  v1\n` +
        'bonded: deleting gone/app:v1 with another tag cannot be undone, unless the registry keeps what is deleted; --yes says that it is meant\n',
    );
    expect(await rig.ok(...words, '--yes')).toEqual({
      manifestsDeleted: [image.digest],
      tagsDeleted: ['latest', 'v1'],
    });
    expect(await rig.ok('acr', 'repository', 'show-tags', '--repository', 'gone/app')).toEqual(['other']);
  });

  test('a tag leaves its manifest', async () => {
    const image = await push('untagged', 'v1');
    expect(await rig.run(['acr', 'repository', 'untag', '--image', 'untagged:v1'])).toEqual({
      code: 0,
      out: '',
      error: '',
    });
    expect(await rig.ok('acr', 'repository', 'show-tags', '--repository', 'untagged')).toEqual([]);
    expect(await rig.ok('acr', 'manifest', 'show', '-n', `untagged@${image.digest}`)).toEqual(JSON.parse(image.text));
  });

  test('a repository says what goes, and what has gone', async () => {
    const image = await push('whole/app', 'v1');
    const words = ['acr', 'repository', 'delete', '--repository', 'whole/app'];
    const { error } = await rig.run(words);
    expect(error).toStartWith('The repository whole/app goes, with 1 manifest and 1 tag.\n');
    expect(await rig.ok(...words, '--yes')).toEqual({ manifestsDeleted: [image.digest], tagsDeleted: ['v1'] });
    expect((await rig.refused('acr', 'repository', 'show', '--repository', 'whole/app'))[0]).toBe(3);
  });
});

describe('another registry of the server', () => {
  test('is named by its name or by its login server, and is logged in to as the server is', async () => {
    await rig.ok('acr', 'create', '-n', 'teamb');
    const host = `teamb.localhost:${rig.server.host.split(':')[1]}`;
    await push('default-only', 'v1');
    for (const named of ['teamb', host]) {
      expect(await rig.ok('acr', 'repository', 'list', '-n', named)).toEqual([]);
      expect(await rig.ok('acr', 'repository', 'list', '--registry', named)).toEqual([]);
    }
    expect(await rig.ok('acr', 'repository', 'list')).toContain('default-only');
    const [code, error] = await rig.refused('acr', 'repository', 'list', '-n', 'nowhere');
    expect([code, error]).toEqual([3, 'bonded: there is no registry nowhere; bonded acr list shows what there is\n']);
  });

  test('a login that is recorded for the server is good for its other registries', async () => {
    const environment = { HOME: rig.home, PATH: `${rig.home}/.local/bin:${process.env['PATH']}` };
    const login = ['login', rig.server.host, '--data', rig.server.data];
    await Bun.$`mkdir -p ${rig.home}/.local/bin`.quiet();
    expect(await bonded(login, environment)).toMatchObject({ code: 0, error: '' });
    const words = ['acr', 'repository', 'list', '-n', 'teamb', '--server', rig.server.host];
    expect(await bonded([...words, '-o', 'json'], environment)).toEqual({ code: 0, out: '[]\n', error: '' });
  });
});

test('a token of the registry sees and does what its scope map allows, by its name and password', async () => {
  await push('mine/app', 'v1');
  await push('others/app', 'v1');
  const words = [
    'acr',
    'token',
    'create',
    '--name',
    'reader',
    '--repository',
    'mine/app',
    'content/read',
    'metadata/read',
  ];
  const made = (await rig.ok(...words)) as { credentials: { passwords: { value: string }[] } };
  const password = made.credentials.passwords[0]!.value;
  const as = ['-u', 'reader', '-p', password];
  expect(await rig.ok('acr', 'tag', 'list', '--repository', 'mine/app', '--query', '[].name', ...as)).toEqual(['v1']);
  const [code, error] = await rig.refused('acr', 'repository', 'untag', '-t', 'mine/app:v1', ...as);
  expect(code).toBe(1);
  expect(error).toMatch(/^bonded: reader has no right to delete in mine\/app.*\(request [^)]+\)\n$/);
  const environment = { BONDED_USERNAME: 'reader', BONDED_PASSWORD: password };
  const others = await rig.run(['acr', 'tag', 'list', '--repository', 'others/app'], { environment });
  expect([others.code, others.out]).toEqual([1, '']);
  expect(await rig.refused('acr', 'repository', 'list', '-p', 'x')).toEqual([
    2,
    'bonded: --password goes with --username\n',
  ]);
});
