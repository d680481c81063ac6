import type { FoundPackage } from '../../reader.ts';
import { linesOf } from '../decode-text.ts';
import type { GoBuildInfo } from './go-build-info.ts';
import { isRelease, versionByLinker } from './go-own-version.ts';

interface GoModule {
  path: string;
  version: string;
}

/** Of a module whose sources lay in a folder when it was built. */
const noVersion = '(devel)';
const linkerFlags = '-ldflags=';

/** Packages of a Go program: its modules as they were replaced, itself, and the standard library by the version of Go. */
export function goPackages(info: GoBuildInfo): FoundPackage[] {
  const modules: GoModule[] = [];
  let own: GoModule | undefined;
  let settings = '';
  for (const line of linesOf(info.modules)) {
    const [kind, path = '', version = ''] = line.split('\t');
    if (kind === 'mod') own = { path, version };
    else if (kind === 'dep') modules.push({ path, version });
    else if (kind === '=>' && modules.length > 0) modules.push(replaced(modules.pop()!, { path, version }));
    else if (kind === 'build' && path.startsWith(linkerFlags)) settings = path.slice(linkerFlags.length);
  }
  if (own && !isRelease(own.version)) own = { ...own, version: versionByLinker(settings, own.path) };
  const all = [
    ...(info.version === '' ? [] : [{ path: 'stdlib', version: standardLibraryVersion(info.version) }]),
    ...(own ? [own] : []),
    ...modules,
  ];
  return all.map(({ path, version }) => ({
    type: 'golang',
    name: path,
    version: version === noVersion ? '' : version,
  }));
}

/** A folder in place of a module is unknown code under the name of the module; anything else is the other module. */
function replaced(module: GoModule, by: GoModule): GoModule {
  return /^\.{0,2}\/|^[A-Za-z]:[\\/]/.test(by.path) ? { path: module.path, version: noVersion } : by;
}

/**
 * The version of the standard library as the Go vulnerability database writes it: of `go1.22.8 X:boringcrypto` 1.22.8,
 * of `go1.20` 1.20.0, of `go1.23rc2` 1.23.0-rc.2; '' of a Go that was built from its sources.
 */
export function standardLibraryVersion(version: string): string {
  const match = /^go(\d+)\.(\d+)(?:\.(\d+))?(?:(rc|beta)(\d+))?(?=$|[ +-])/.exec(version);
  if (!match) return '';
  const [, major, minor, patch = '0', stage, number] = match;
  return `${major}.${minor}.${patch}${stage === undefined ? '' : `-${stage}.${number}`}`;
}
