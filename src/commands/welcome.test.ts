import { resolve } from 'node:path';
import { expect, test } from 'bun:test';
import { type Served, welcome } from './welcome.ts';

const usual: Served = { url: 'http://127.0.0.1:5000', data: resolve('data'), program: 'bin/bonded' };
const lines = (served: Partial<Served>) =>
  welcome({ ...usual, ...served })
    .split('\n')
    .map((line) => line.trim());

test('somebody who has started a server is told how to log in, and needs to name nothing', () => {
  expect(lines({})).toEqual(expect.arrayContaining(['bin/bonded login 127.0.0.1:5000', 'bin/bonded advise']));
  expect(lines({})).toContain('podman pull --tls-verify=false 127.0.0.1:5000/busybox');
});

test('another port and another data directory are named', () => {
  const said = lines({ url: 'http://127.0.0.1:5001', data: "/a b/it's", program: 'bonded' });
  expect(said).toContain(String.raw`bonded login 127.0.0.1:5001 --data '/a b/it'\''s'`);
  expect(said).toContain('bonded advise --server 127.0.0.1:5001');
});

test('with TLS nothing is switched off', () => {
  const said = lines({ url: 'https://0.0.0.0:5000' });
  expect(said).toEqual(expect.arrayContaining(['Bonded is serving on https://0.0.0.0:5000']));
  expect(said).toEqual(expect.arrayContaining(['bin/bonded login https://localhost:5000']));
  expect(said.join('\n')).not.toContain('tls-verify');
});

test('where a proxy stands before it, its name is told', () => {
  const said = lines({ publicUrl: 'https://registry.example.com' });
  expect(said).toContain('bin/bonded login https://registry.example.com');
  expect(said).toContain('podman pull registry.example.com/busybox');
});
