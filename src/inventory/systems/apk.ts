import { isLanguageFile } from '../languages/index.ts';
import type { FoundPackage, OwnedFiles, Reader } from '../reader.ts';
import { linesOf } from './text-lines.ts';

/**
 * What apk has installed (Alpine Wiki, "Apk spec", installed database V2): fields of one letter, and an empty line behind each
 * package. It lies below `usr` where `/lib` is a link there.
 */
export const apkReader: Reader = {
  name: 'apk',
  wants: (path) => path === 'lib/apk/db/installed' || path === 'usr/lib/apk/db/installed',
  read(_path, bytes) {
    const packages: FoundPackage[] = [];
    const owns: OwnedFiles[] = [];
    let folder = '';
    let paths: string[] = [];
    let fields: Record<string, string> = {};
    let lines = 0;
    const finish = (): void => {
      const found = packageOf(fields);
      if (found) packages.push(found);
      if (found && paths.length > 0) owns.push({ by: `${found.name} ${found.version}`, paths });
      [fields, folder, paths] = [{}, '', []];
    };
    for (const line of linesOf(bytes)) {
      if (line === '') finish();
      else if (line[1] === ':' && 'PVAoL'.includes(line[0]!)) fields[line[0]!] = line.slice(2);
      else if (line.startsWith('F:')) folder = line.slice(2);
      else if (line.startsWith('R:')) {
        const path = `${folder === '' ? '' : `${folder}/`}${line.slice(2)}`;
        if (isLanguageFile(path)) paths.push(path);
      }
      if (line !== '') lines++;
    }
    finish();
    return { packages, owns, warnings: lines > 0 && packages.length === 0 ? ['is no database of apk'] : [] };
  },
};

function packageOf({
  P: name,
  V: version = '',
  A: arch,
  o: origin,
  L: licence,
}: Record<string, string>): FoundPackage | undefined {
  if (name === undefined || name === '') return undefined;
  return {
    type: 'apk',
    name,
    version,
    ...(arch !== undefined && { arch }),
    ...(licence !== undefined && licence !== '' && { licenses: [licence] }),
    source: { name: origin === undefined || origin === '' ? name : origin, version },
  };
}
