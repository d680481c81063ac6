import { expect, test } from 'bun:test';
import { enginesConfig } from './config.ts';

const sha256 = 'a'.repeat(64);
const trivy = { name: 'trivy', kind: 'trivy', path: '/opt/trivy', sha256, cache: '/var/lib/trivy' };
const harbor = { name: 'adapter', kind: 'harbor', url: 'https://adapter.example.com/' };
const problems = (...engines: object[]) => {
  const { success, error } = enginesConfig.safeParse(engines);
  return success ? [] : error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

test('no engine is there unless it is configured', () => {
  expect(enginesConfig.parse(undefined)).toEqual([]);
});

test('an engine has limits by default, and a program no network', () => {
  const [one, other] = enginesConfig.parse([trivy, harbor]);
  expect(one).toMatchObject({
    network: false,
    memory: 4 * 2 ** 30,
    timeout: 900_000,
    cpus: 1,
    maxReport: 32 * 2 ** 20,
  });
  expect(other).toMatchObject({ url: 'https://adapter.example.com', auth: { kind: 'none' }, parallel: 2 });
});

test('a program without a hash, a relative path, credentials in a URL and names that mean two things are refused', () => {
  expect(problems(trivy, harbor)).toEqual([]);
  for (const wrong of [
    { ...trivy, sha256: undefined },
    { ...trivy, sha256: 'latest' },
    { ...trivy, sha256: sha256.toUpperCase() },
    { ...trivy, path: 'trivy' },
    { ...trivy, cache: './cache' },
    { ...trivy, name: 'native' },
    { ...trivy, name: 'a b' },
    { ...trivy, timeout: '7h' },
    { ...trivy, kind: 'clair' },
    { ...trivy, url: 'https://example.com' },
    { ...harbor, url: 'https://user:password@adapter.example.com' },
    { ...harbor, url: 'file:///etc/passwd' },
    { ...harbor, auth: { kind: 'basic', username: 'a:b', file: '/f' } },
    { ...harbor, auth: { kind: 'bearer', token: 'in the file itself' } },
  ])
    expect(problems(wrong)).not.toEqual([]);
  expect(problems(harbor, { ...trivy, name: 'adapter' })).toEqual([': each engine must have a name of its own']);
});
