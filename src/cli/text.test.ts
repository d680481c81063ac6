import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { bonded, inDirectory } from '../../test/support/command.ts';

test.each([
  [['sreve'], 'there is no command sreve; did you mean `serve`?'],
  [['nonsense'], 'there is no command nonsense; bonded --help lists them'],
  [['gc', '--dry-urn'], 'there is no flag --dry-urn; did you mean --dry-run?'],
  [['serve', '--nonsense'], 'there is no flag --nonsense; --help lists what there is'],
  [['serve', 'extra'], '"extra" is a word too many; --help lists what there is'],
  [['advise', '-x'], 'there is no flag -x; --help lists what there is'],
  [
    ['advise', '-o', 'xml'],
    '--output cannot be "xml": it is one of table, json, yaml, tsv, none; --help lists what there is',
  ],
  [
    ['acr', 'update', '-n', 'teama', '--admin-enabled', 'so'],
    'admin-enabled cannot be "so": it is true or false; --help lists what there is',
  ],
  [['acr', 'create'], '--name must be given, with a value; --help lists what there is'],
  [['acr', 'create', '--name', '--sku', 'Basic'], '--name must have a value before --sku; --help lists what there is'],
  [['acr', 'show', '-n', 'a', '-n', 'b'], '--name is given twice, as "a" and "b"; --help lists what there is'],
  [['docker-credential'], 'verb must be given; --help lists what there is'],
  [['cert', 'dev', '--days', '0'], '--days must be a whole number from 1 to 825'],
  [['cert', 'dev', '--host', 'a b'], '--host a b: must be a host name or an IP address, without a port'],
  [['cert', 'dev', '--directory', '/proc/bonded'], "ENOENT: no such file or directory, mkdir '/proc/bonded'"],
])('%p is answered with one line', async (args, message) => {
  const refused = await bonded(args);
  expect(refused).toMatchObject({ out: '', error: `bonded: ${message}\n` });
  expect(refused.code).not.toBe(0);
});

test('cert dev says how to trust its authority, in words that work', () =>
  inDirectory(async (directory) => {
    const made = await bonded(['cert', 'dev', '--directory', directory, '--host', '*.localhost', '--host', '10.0.0.1']);
    expect(made).toMatchObject({ code: 0, error: '' });
    expect(made.out).toContain(`SSL_CERT_FILE=${join(directory, 'ca.crt')}`);
    expect(made.out).toContain(`--set tls.key=${join(directory, 'server.key')}`);
  }));
