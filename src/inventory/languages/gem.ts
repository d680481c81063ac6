import type { Reader } from '../reader.ts';
import { decodeText, linesOf } from './decode-text.ts';
import { createFindings } from './findings.ts';
import { isInside } from './is-named.ts';
import { MalformedFile } from './malformed-file.ts';

/** RubyGems writes it into the second line of every specification that it installs: name, version, platform. */
const stub = /^# stub: (\S+) (\S+) (\S+)/;
const assignment = /^\s*\w+\.(name|version|platform|licenses?)\s*=\s*(\S.*)$/;
const literal = /^(?:Gem::Version\.new\(?\s*)?(?:"([^"]*)"|'([^']*)')/;

/**
 * Specifications of installed gems, those that come with Ruby included (`specifications/default`). They are programs;
 * only the literals in them are read, which is what RubyGems writes when it installs.
 */
export const gemReader: Reader = {
  name: 'gem',
  maxBytes: 4 * 1024 * 1024,
  wants: (path) => path.endsWith('.gemspec') && isInside(path, 'specifications'),
  read(_path, bytes) {
    const found: Record<string, string> = {};
    let licenses: string[] = [];
    for (const line of linesOf(decodeText(bytes))) {
      const stubbed = stub.exec(line);
      if (stubbed) Object.assign(found, { name: stubbed[1], version: stubbed[2], platform: stubbed[3] });
      const assigned = assignment.exec(line);
      if (!assigned) continue;
      const [, key = '', value = ''] = assigned;
      if (key.startsWith('license')) licenses = licenses.length > 0 ? licenses : literalsIn(value);
      else found[key] = literalOf(value) ?? found[key] ?? '';
    }
    const { name, version, platform } = found;
    if (!name || !version) throw new MalformedFile('has no name and version that are plain text');
    const findings = createFindings();
    findings.add({ type: 'gem', name, version, licenses, ...platformOf(platform) });
    return findings.result();
  },
};

function literalOf(value: string): string | undefined {
  const match = literal.exec(value);
  return match ? (match[1] ?? match[2]) : undefined;
}

function literalsIn(value: string): string[] {
  return Array.from(value.matchAll(/"([^"]{1,100})"|'([^']{1,100})'/g), (match) => match[1] ?? match[2] ?? '').slice(
    0,
    16,
  );
}

export function platformOf(platform: string | undefined): { qualifiers?: Record<string, string> } {
  return platform && platform !== 'ruby' && /^[\w.-]{1,64}$/.test(platform) ? { qualifiers: { platform } } : {};
}
