import type { Reader } from '../reader.ts';
import { apkReader } from './apk.ts';
import { dpkgReader } from './dpkg.ts';
import { dpkgFilesReader } from './dpkg-files.ts';
import { osReleaseReader } from './os-release.ts';
import { rpmReader } from './rpm/index.ts';

export { leadsAway } from './database-links.ts';
export { osFiles } from './os-release.ts';

/** The readers of what distributions install and say of themselves, in the order in which they are asked. */
export const systemReaders: readonly Reader[] = [osReleaseReader, dpkgReader, dpkgFilesReader, apkReader, rpmReader];
