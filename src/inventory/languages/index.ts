import type { EntryFacts, Reader } from '../reader.ts';
import { composerLockReader, composerReader } from './composer.ts';
import { executableReader } from './executables/reader.ts';
import { gemReader } from './gem.ts';
import { javaReader } from './java/archive.ts';
import { bunLockReader } from './lockfiles/bun-lock.ts';
import { cargoLockReader } from './lockfiles/cargo-lock.ts';
import { gemfileLockReader } from './lockfiles/gemfile-lock.ts';
import { mixLockReader } from './lockfiles/mix-lock.ts';
import { packageLockReader } from './lockfiles/package-lock.ts';
import { pnpmLockReader } from './lockfiles/pnpm-lock.ts';
import { pubspecLockReader } from './lockfiles/pubspec-lock.ts';
import { swiftResolvedReader } from './lockfiles/swift-resolved.ts';
import { yarnLockReader } from './lockfiles/yarn-lock.ts';
import { npmReader } from './npm.ts';
import { npmCacheReader } from './npm-cache.ts';
import { nugetLockReader, nugetReader } from './nuget.ts';
import { pythonEggReader, pythonReader } from './python.ts';
import { runtimeReader } from './runtime.ts';
import { spdxReader } from './spdx.ts';

export { supersededFiles } from './superseded-files.ts';

/** The readers of what language ecosystems install, in the order in which they are asked. */
export const languageReaders: readonly Reader[] = [
  npmReader,
  npmCacheReader,
  pythonReader,
  pythonEggReader,
  javaReader,
  gemReader,
  composerReader,
  nugetReader,
  spdxReader,
  runtimeReader,
  packageLockReader,
  yarnLockReader,
  pnpmLockReader,
  bunLockReader,
  gemfileLockReader,
  cargoLockReader,
  composerLockReader,
  nugetLockReader,
  pubspecLockReader,
  mixLockReader,
  swiftResolvedReader,
  executableReader,
];

const someFile: EntryFacts = { mode: 0o644, size: 1 };
const byName = languageReaders.filter((reader) => !reader.recognises);

/** Whether a path alone says that a package of a language is there; executables are told by what is in them. */
export function isLanguageFile(path: string): boolean {
  return byName.some((reader) => reader.wants(path, someFile));
}
