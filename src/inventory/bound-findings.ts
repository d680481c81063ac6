import type { LayerLimits } from './limits.ts';
import type { FoundPackage, OsRelease, OwnedFiles, ReadResult } from './reader.ts';
import type { Warnings } from './warnings.ts';

/**
 * What anybody has written into a file, in lengths that can be kept. Control characters stay, as data: whoever prints it
 * encodes it for what it prints to. What has no name is no package.
 */
export interface FindingsBounds {
  /** Undefined once there is more of it than is kept. */
  bound(path: string, result: ReadResult): Required<Pick<ReadResult, 'packages'>> & Pick<ReadResult, 'owns' | 'os'>;
}

/** Characters. Names of real packages have up to 214 (npm), paths of Go modules some more, versions 100. */
const longest = { name: 1024, version: 256, licence: 256, location: 1024, qualifier: 256, os: 256 };
const most = { licences: 20, qualifiers: 10 };

export function createFindingsBounds(limits: LayerLimits, warnings: Warnings): FindingsBounds {
  let files = 0;
  let text = 0;

  return {
    bound(path, { packages, owns, os }) {
      let cut = false;
      const short = (value: string, limit: number): string => {
        if (value.length <= limit) return value;
        cut = true;
        return value.slice(0, limit);
      };
      const kept: FoundPackage[] = [];
      let full = ++files > limits.files;
      if (!full) text += path.length + 64;
      for (const found of packages) {
        if (found.name === '') continue;
        const one = shortened(found, short);
        const size = sizeOf(one);
        full ||= kept.length >= limits.filePackages || text + size > limits.textLength;
        if (full) break;
        text += size;
        kept.push(one);
      }
      const owned: OwnedFiles[] = [];
      for (const one of owns ?? []) {
        const size = one.by.length + one.paths.reduce((sum, owning) => sum + owning.length + 8, 16);
        full ||= text + size > limits.textLength;
        if (full) break;
        text += size;
        owned.push(one);
      }
      if (full) warnings.add('too-many-findings', path);
      if (cut) warnings.add('cut-text', path);
      return { packages: kept, ...(owned.length > 0 && { owns: owned }), ...(os && { os: shortenedOs(os, short) }) };
    },
  };
}

type Short = (value: string, limit: number) => string;

function shortened(found: FoundPackage, short: Short): FoundPackage {
  const { type, name, namespace, version, source, arch, licenses, location, qualifiers } = found;
  return {
    type,
    name: short(name, longest.name),
    ...(namespace !== undefined && namespace !== '' && { namespace: short(namespace, longest.name) }),
    version: short(version, longest.version),
    ...(source && {
      source: { name: short(source.name, longest.name), version: short(source.version, longest.version) },
    }),
    ...(arch !== undefined && arch !== '' && { arch: short(arch, longest.version) }),
    ...(licenses &&
      licenses.length > 0 && { licenses: licenses.slice(0, most.licences).map((one) => short(one, longest.licence)) }),
    ...(location !== undefined && { location: short(location, longest.location) }),
    ...(qualifiers && {
      qualifiers: Object.fromEntries(
        Object.entries(qualifiers)
          .slice(0, most.qualifiers)
          .map(([key, value]) => [short(key, longest.qualifier), short(value, longest.qualifier)]),
      ),
    }),
  };
}

function shortenedOs(os: Partial<OsRelease>, short: Short): Partial<OsRelease> {
  return Object.fromEntries(
    Object.entries(os)
      .filter((pair) => pair[1] !== undefined)
      .map(([key, value]) => [key, short(value, longest.os)]),
  );
}

/** Characters as JSON, nearly: a control character takes six. */
function sizeOf(found: FoundPackage): number {
  return JSON.stringify(found).length;
}
