import type { FoundPackage, ReadResult } from '../../reader.ts';
import { linesOf } from '../text-lines.ts';
import { sourceOf } from './header.ts';

/**
 * The list that distroless images of Azure Linux have for a database, a line for each package, divided by tabs:
 * name, version-release, installed, built, vendor, epoch, size, arch, epoch as number, source rpm.
 */
export function packagesOfManifest(bytes: Uint8Array): ReadResult {
  const packages: FoundPackage[] = [];
  let broken = 0;
  for (const line of linesOf(bytes)) {
    if (line.trim() === '') continue;
    const fields = line.split('\t');
    const [name = '', version = '', , , , , , arch = '', epoch, source] = fields;
    if (fields.length !== 10 || name === '') {
      broken++;
      continue;
    }
    const full = epoch === '0' || epoch === '(none)' ? version : `${epoch}:${version}`;
    packages.push({
      type: 'rpm',
      name,
      version: full,
      arch,
      source: sourceOf(source, epoch) ?? { name, version: full },
    });
  }
  return { packages, warnings: broken > 0 ? [`${broken} lines are none`] : [] };
}
