import { expect, test } from 'bun:test';
import { type FileInImage, supersededFiles } from './superseded-files.ts';

const file = (reader: string, path: string, ...gems: string[]): FileInImage => ({
  reader,
  path,
  packages: gems.map((gem) => ({ type: 'gem', name: gem, version: '1.0' })),
});

const superseded = (...files: FileInImage[]) => [...supersededFiles(files)];

test('a lockfile counts only where nothing is installed beside it', () => {
  const lock = file('package-lock', 'app/package-lock.json');
  expect(superseded(lock)).toEqual([]);
  expect(superseded(lock, file('npm', 'app/node_modules/a/package.json'))).toEqual([lock.path]);
  expect(superseded(lock, file('npm', 'app/node_modules/.pnpm/a@1/node_modules/a/package.json'))).toEqual([lock.path]);
  expect(superseded(lock, file('npm', 'usr/lib/node_modules/npm/package.json'))).toEqual([]);
  expect(superseded(lock, file('npm', 'app/sub/node_modules/a/package.json'))).toEqual([]);
  expect(superseded(lock, file('npm', 'application/node_modules/a/package.json'))).toEqual([]);
  const inRoot = file('yarn-lock', 'yarn.lock');
  expect(superseded(inRoot, file('npm', 'node_modules/a/package.json'))).toEqual([inRoot.path]);
  expect(superseded(inRoot, file('npm', 'usr/lib/node_modules/npm/package.json'))).toEqual([]);
});

test('composer.lock is beside its vendor, packages.lock.json above what was built', () => {
  const composer = file('composer-lock', 'var/www/composer.lock');
  expect(superseded(composer, file('composer', 'var/www/vendor/composer/installed.json'))).toEqual([composer.path]);
  expect(superseded(composer, file('composer', 'var/vendor/composer/installed.json'))).toEqual([]);
  const nuget = file('nuget-lock', 'src/app/packages.lock.json');
  expect(superseded(nuget, file('nuget', 'src/app/bin/Release/net8.0/app.deps.json'))).toEqual([nuget.path]);
  expect(superseded(nuget, file('nuget', 'usr/share/dotnet/x.deps.json'))).toEqual([]);
});

test('Gemfile.lock counts while none of its gems is installed; those that come with Ruby are no sign of it', () => {
  const lock = file('gemfile-lock', 'app/Gemfile.lock', 'rack', 'json');
  expect(superseded(lock, file('gem', 'usr/lib/ruby/specifications/default/json-1.0.gemspec', 'json'))).toEqual([]);
  expect(superseded(lock, file('gem', 'usr/local/bundle/specifications/rack-1.0.gemspec', 'rack'))).toEqual([
    lock.path,
  ]);
});

test('what is installed is never superseded, nor is Cargo.lock', () => {
  const files = [file('npm', 'app/node_modules/a/package.json'), file('cargo-lock', 'app/Cargo.lock')];
  expect(superseded(...files, file('executable', 'app/tool'))).toEqual([]);
});

test('what package managers keep to install from does not count, what is installed from it does', () => {
  const kept = [
    file('npm', `root/.local/share/pnpm/store/v10/files/ab/${'0'.repeat(126)}`),
    file('npm', 'root/.bun/install/cache/lodash@4.17.21@@@1/package.json'),
    file('python', 'root/.cache/uv/archive-v0/x/requests-2.31.0.dist-info/METADATA'),
  ];
  expect(superseded(...kept, file('npm', 'usr/src/app/node_modules/lodash/package.json'))).toEqual(
    kept.map(({ path }) => path),
  );
});
