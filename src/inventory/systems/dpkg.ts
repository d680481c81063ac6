import type { FoundPackage, Reader } from '../reader.ts';
import { linesOf } from './text-lines.ts';

/** Of deb-control(5); the rest of a stanza is passed over. */
const fields = ['Package', 'Status', 'Version', 'Architecture', 'Source'] as const;
type Stanza = Partial<Record<(typeof fields)[number], string>>;

/**
 * What dpkg has installed (`var/lib/dpkg/status`), and what is in images without it: a file for each package in
 * `var/lib/dpkg/status.d`, as distroless has it, without a status.
 */
export const dpkgReader: Reader = {
  name: 'dpkg',
  wants: (path) =>
    path === 'var/lib/dpkg/status' || (path.startsWith('var/lib/dpkg/status.d/') && !path.endsWith('.md5sums')),
  read(path, bytes) {
    const alone = path !== 'var/lib/dpkg/status';
    const packages: FoundPackage[] = [];
    let stanzas = 0;
    for (const stanza of stanzasOf(bytes)) {
      stanzas++;
      const found = packageOf(stanza, alone);
      if (found) packages.push(found);
    }
    // An empty database is one; one whose text is something else is not.
    const warnings = stanzas === 0 && bytes.some((byte) => byte > 0x20) ? ['is no database of dpkg'] : [];
    return { packages, warnings };
  },
};

function* stanzasOf(bytes: Uint8Array): Generator<Stanza, void, undefined> {
  let stanza: Stanza = {};
  for (const line of linesOf(bytes)) {
    if (line.trim() === '') {
      if (stanza.Package !== undefined) yield stanza;
      stanza = {};
      continue;
    }
    // A field goes on in lines that begin with a blank; none of ours does.
    if (line.startsWith(' ') || line.startsWith('\t')) continue;
    const colon = line.indexOf(':');
    const name = fields.find((field) => field.length === colon && line.startsWith(field));
    if (name) stanza[name] = line.slice(colon + 1).trim();
  }
  if (stanza.Package !== undefined) yield stanza;
}

function packageOf(stanza: Stanza, alone: boolean): FoundPackage | undefined {
  const { Package: name = '', Version: version = '', Architecture: arch, Source } = stanza;
  if (!isInstalled(stanza.Status, alone)) return undefined;
  return {
    type: 'deb',
    name,
    version,
    ...(arch !== undefined && { arch }),
    source: sourceOf(Source, name, version),
  };
}

/** `install ok installed`: what is wanted, whether it is well, how far it is. Files of a package are there in any state but these. */
function isInstalled(status: string | undefined, alone: boolean): boolean {
  if (status === undefined) return alone;
  const state = status.split(/\s+/)[2];
  return state !== 'not-installed' && state !== 'config-files';
}

/** `Source: openssl (3.0.9-1)`: without one, the package is its own; without a version, it has the package's. */
function sourceOf(source: string | undefined, name: string, version: string): { name: string; version: string } {
  if (source === undefined || source === '') return { name, version };
  const open = source.indexOf('(');
  if (open < 0) return { name: source, version };
  const close = source.indexOf(')', open);
  return { name: source.slice(0, open).trim(), version: source.slice(open + 1, close < 0 ? undefined : close).trim() };
}
