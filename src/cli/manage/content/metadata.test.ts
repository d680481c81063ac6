import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pushImage } from '../../../../test/http/registry.ts';
import { openCommands } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
let digest: string;
beforeAll(async () => {
  rig = await openCommands();
  ({ digest } = await pushImage(rig.server.url, 'team/app', 'v1'));
});
afterAll(() => rig[Symbol.asyncDispose]());

const metadata = (...words: string[]) => rig.ok('acr', 'metadata', ...words);

test.each([
  ['a repository', () => ['--repository', 'team/app']],
  ['a tag', () => ['--image', 'team/app:v1']],
  ['a manifest', () => ['--image', `team/app@${digest}`]],
])('texts and JSON are kept beside %s', async (_, subject) => {
  const on = subject();
  const file = join(rig.home, 'report.json');
  await writeFile(file, '{"passed": true}');
  const text = { key: 'ticket', mediaType: 'text/plain', value: 'OPS-17 ü' };
  expect(await metadata('set', ...on, '--key', 'ticket', '--value', 'OPS-17 ü')).toEqual(text);
  const report = { key: 'report', mediaType: 'application/json', value: { passed: true } };
  expect(await metadata('set', ...on, '--key', 'report', '--value', `@${file}`, '--json')).toEqual(report);
  expect(await metadata('list', ...on)).toEqual(['report', 'ticket']);
  expect(await metadata('show', ...on, '--key', 'ticket')).toEqual(text);
  expect(await metadata('delete', ...on, '--key', 'ticket')).toBeUndefined();
  expect((await rig.refused('acr', 'metadata', 'show', ...on, '--key', 'ticket'))[0]).toBe(3);
  expect(await metadata('list', ...on)).toEqual(['report']);
});

test('what is no key and no JSON is refused before it is sent', async () => {
  const on = ['--repository', 'team/app'];
  expect(await rig.refused('acr', 'metadata', 'show', ...on, '--key', '../_tags')).toEqual([
    2,
    'bonded: --key "../_tags" is no key: up to 128 letters, digits, . _ and -\n',
  ]);
  expect(await rig.refused('acr', 'metadata', 'set', ...on, '--key', 'a', '--value', '{', '--json')).toEqual([
    2,
    'bonded: --value is no JSON\n',
  ]);
});
