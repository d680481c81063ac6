import { expect, test } from 'bun:test';
import { assert, property, string } from 'fast-check';
import { parseChallenge } from './challenge.ts';

test.each([
  ['Basic realm="x"', { scheme: 'basic' }],
  ['basic', { scheme: 'basic' }],
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/a:pull"',
    {
      scheme: 'bearer',
      realm: 'https://auth.docker.io/token',
      service: 'registry.docker.io',
      scope: 'repository:library/a:pull',
    },
  ],
  ['bearer  REALM=https://a/b , service = "c \\"d\\""', { scheme: 'bearer', realm: 'https://a/b', service: 'c "d"' }],
  ['Bearer realm="https://a",realm="https://b"', { scheme: 'bearer', realm: 'https://a' }],
  ['Bearer service="a"', undefined],
  ['Bearer', undefined],
  ['Negotiate', undefined],
  ['Basically realm="x"', undefined],
  ['', undefined],
  [null, undefined],
])('%p asks for %p', (header, challenge) => {
  expect(parseChallenge(header)).toEqual(challenge as never);
});

test('no text makes it throw, or takes it long', () => {
  assert(property(string({ unit: 'binary', maxLength: 200 }), (text) => void parseChallenge(`Bearer ${text}`)));
  const began = performance.now();
  for (const text of ['a="'.repeat(3000), '\\'.repeat(9000), `realm="${'\\"'.repeat(4000)}`, ', '.repeat(4000)])
    parseChallenge(`Bearer ${text}`);
  expect(performance.now() - began).toBeLessThan(1000);
});
