import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCommands, runInside } from '../manage/command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
let file: string;
beforeAll(async () => {
  rig = await openCommands();
  file = join(rig.home, '.config', 'bonded', 'defaults.json');
});
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(() => rm(file, { force: true }));

/** Without a server in the environment. */
const run = (words: string[], environment: Record<string, string> = {}) =>
  runInside(words, { environment: { HOME: rig.home, BONDED_DATA: rig.server.data, ...environment } });
const done = { code: 0, out: '', error: '' };

test('what is set is taken where no flag says otherwise, and a variable goes before it', async () => {
  expect(await run(['config', 'get', 'server'])).toEqual({
    code: 3,
    out: '',
    error: 'bonded: server is not set; bonded config set server=… sets it\n',
  });
  expect(await run(['config', 'set', `server=${rig.server.host}`, 'core.output=tsv'])).toEqual(done);
  expect(await run(['config', 'get', 'server'])).toEqual({ code: 0, out: `${rig.server.host}\n`, error: '' });
  expect(await run(['acr', 'list', '--query', '[].name'])).toEqual({ code: 0, out: 'default\n', error: '' });
  expect((await run(['acr', 'list', '--query', '[].name', '-o', 'json'])).out).toBe('[\n  "default"\n]\n');
  expect((await run(['acr', 'list', '--query', '[].name'], { BONDED_OUTPUT: 'json' })).out).toBe('[\n  "default"\n]\n');
  const elsewhere = await run(['acr', 'list'], { BONDED_SERVER: '127.0.0.1:1' });
  expect(elsewhere.error).toContain('127.0.0.1:1');
});

test('the registry that is set is the one that commands are about, of the server that is set', async () => {
  await rig.ok('acr', 'create', '-n', 'teamb');
  expect(await run(['config', 'set', `server=${rig.server.host}`, 'defaults.acr=teamb'])).toEqual(done);
  expect((await run(['acr', 'show', '--query', 'name'])).out).toBe('"teamb"\n');
  expect((await run(['acr', 'repository', 'list'])).out).toBe('[]\n');
  expect((await run(['acr', 'show', '--query', 'name', '--server', rig.server.host])).out).toBe('"default"\n');
  expect((await run(['acr', 'show', '--query', 'name'], { BONDED_REGISTRY: 'default' })).out).toBe('"default"\n');
  expect(await run(['config', 'unset', 'registry', 'server'])).toEqual(done);
  const listed = JSON.parse((await run(['config', 'list'], { BONDED_PROGRESS: 'off' })).out) as Record<
    string,
    unknown
  >[];
  expect(listed.map(({ key, value, source }) => [key, value, source])).toEqual([
    ['server', null, null],
    ['registry', null, null],
    ['output', null, null],
    ['progress', 'off', 'BONDED_PROGRESS'],
  ]);
});

test.each([
  [['set', 'server'], '"server" is no KEY=VALUE'],
  [['set', 'color=on'], 'there is no default "color"; there are server, registry, output, progress'],
  [['set', 'output=xml'], 'output cannot be "xml": it is one of table, json, yaml, tsv, none'],
  [['set', 'output=json', 'progress=so'], 'progress cannot be "so": it is one of on, off'],
  [['get', 'constructor'], 'there is no default "constructor"; there are server, registry, output, progress'],
])('config %p is refused in one line, and nothing is set', async (words, message) => {
  expect(await run(['config', ...words])).toEqual({ code: 2, out: '', error: `bonded: ${message}\n` });
  expect(await Bun.file(file).exists()).toBe(false);
});

test('a file or a variable that is no default is named', async () => {
  await mkdir(join(rig.home, '.config', 'bonded'), { recursive: true });
  await writeFile(file, '{"output":"xml"}');
  expect((await run(['config', 'get', 'output'])).error).toBe(
    `bonded: ${file}: output cannot be "xml": it is one of table, json, yaml, tsv, none\n`,
  );
  await writeFile(file, '[]');
  expect((await run(['acr', 'list'])).error).toBe(`bonded: ${file} is no JSON object; mend or remove it\n`);
  await rm(file);
  expect((await run(['acr', 'list'], { BONDED_OUTPUT: 'xml', BONDED_SERVER: rig.server.host })).error).toStartWith(
    'bonded: BONDED_OUTPUT: output cannot be "xml"',
  );
});
