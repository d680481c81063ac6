import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { executableReader } from './executables/reader.ts';
import { packageLockReader } from './lockfiles/package-lock.ts';
import { npmReader } from './npm.ts';

const root = join(import.meta.dir, '..', '..', '..');
const tool = (name: string) => Bun.which(name) ?? '';
const inCi = process.env['CI'] === 'true';

/** `path@version` of everything in a program but the standard library. */
function modulesIn(path: string): string[] {
  const { packages, warnings } = executableReader.read(path, readFileSync(path));
  expect(warnings ?? []).toEqual([]);
  return packages.filter(({ name }) => name !== 'stdlib').map(({ name, version }) => `${name}@${version}`);
}

/** The same as Go itself says it. */
function modulesByGo(path: string): string[] {
  const modules: string[] = [];
  const { stdout } = Bun.spawnSync([tool('go'), 'version', '-m', path]);
  for (const line of stdout.toString().split('\n')) {
    const [, kind, name, version] = line.split('\t');
    if (kind === '=>') modules.pop();
    if (kind === 'mod' || kind === 'dep' || kind === '=>')
      modules.push(`${name}@${version === '(devel)' ? '' : version}`);
  }
  return modules;
}

describe('real programs of Go', () => {
  for (const name of ['crane', 'oras', 'helm']) {
    test.skipIf(!inCi && (tool(name) === '' || tool('go') === ''))(
      `${name} has the modules that go version -m says`,
      () => {
        const modules = modulesIn(tool(name));
        expect(modules.length).toBeGreaterThan(5);
        expect(modules).toEqual(modulesByGo(tool(name)));
      },
    );
  }

  for (const name of ['skopeo', 'docker-registry']) {
    const path = `/usr/bin/${name}`;
    test.skipIf(!inCi && !existsSync(path))(`Debian's ${name} was built without modules, by Go 1.19.8`, () => {
      expect(executableReader.read(path, readFileSync(path)).packages).toEqual([
        { type: 'golang', name: 'stdlib', version: '1.19.8' },
      ]);
    });
  }
});

test('the packages of this checkout are installed in the versions of its lockfile', () => {
  const lockfile = readFileSync(join(root, 'package-lock.json'));
  const { packages } = packageLockReader.read('package-lock.json', lockfile);
  expect(packages.length).toBeGreaterThan(50);
  const wanted = new Set(packages.map(({ namespace, name, version }) => `${namespace ?? ''}/${name}@${version}`));
  const installed = new Set<string>();
  for (const path of new Bun.Glob('**/node_modules/**/package.json').scanSync({ cwd: root, dot: true })) {
    if (!npmReader.wants(path, { mode: 0o644, size: 1 }) || dirname(path).split('node_modules/').length > 3) continue;
    for (const { namespace, name, version } of npmReader.read(path, readFileSync(join(root, path))).packages) {
      installed.add(`${namespace ?? ''}/${name}@${version}`);
    }
  }
  const missing = [...wanted].filter((one) => !installed.has(one));
  // Builds for other platforms are in the lockfile alone.
  expect(
    missing.filter((one) => !/darwin|win32|windows|linux|freebsd|android|musl|arm64|openharmony|wasm|x64/.test(one)),
  ).toEqual([]);
});
