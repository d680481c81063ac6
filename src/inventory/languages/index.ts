import type { Reader } from '../reader.ts';
import { composerLockReader, composerReader } from './composer.ts';
import { executableReader } from './executables/reader.ts';
import { gemReader } from './gem.ts';
import { javaReader } from './java/archive.ts';
import { cargoLockReader } from './lockfiles/cargo-lock.ts';
import { gemfileLockReader } from './lockfiles/gemfile-lock.ts';
import { packageLockReader } from './lockfiles/package-lock.ts';
import { pnpmLockReader } from './lockfiles/pnpm-lock.ts';
import { yarnLockReader } from './lockfiles/yarn-lock.ts';
import { npmReader } from './npm.ts';
import { nugetLockReader, nugetReader } from './nuget.ts';
import { pythonReader } from './python.ts';

export { type FileInImage, supersededFiles } from './superseded-files.ts';

/** The readers of what language ecosystems install, in the order in which they are asked. */
export const languageReaders: readonly Reader[] = [
  npmReader,
  pythonReader,
  javaReader,
  gemReader,
  composerReader,
  nugetReader,
  packageLockReader,
  yarnLockReader,
  pnpmLockReader,
  gemfileLockReader,
  cargoLockReader,
  composerLockReader,
  nugetLockReader,
  executableReader,
];
