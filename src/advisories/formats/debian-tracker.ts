import { type Item } from '../import-records.ts';
import { bounds, line } from '../bounds.ts';
import { objectOf } from '../read-record.ts';
import { readMembers } from './json-members.ts';

/**
 * Releases of Debian by name. Sid has no number in OSV, and images of it have none either.
 */
const releases: Readonly<Record<string, string>> = {
  buster: '10',
  bullseye: '11',
  bookworm: '12',
  trixie: '13',
  forky: '14',
  duke: '15',
};
const limits = { memberBytes: bounds.recordBytes, members: bounds.records, depth: 16, level: 2 };

/**
 * Debian's security tracker (`/tracker/data/json`): source package → CVE → release → status, `fixed_version`, `urgency` and
 * `nodsa`. One record for each CVE of each source package, in the words of OSV's own conversion.
 */
export async function* readDebianTracker(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Item> {
  for await (const { keys, value } of readMembers(stream, limits)) {
    const [source = '', id = ''] = keys;
    const json = recordOf(source, id, objectOf(value) ?? {});
    if (json) yield { json };
  }
}

function recordOf(source: string, id: string, vulnerability: Record<string, unknown>): object | undefined {
  const affected = Object.entries(objectOf(vulnerability['releases']) ?? {}).flatMap(([codename, value]) => {
    const release = Object.hasOwn(releases, codename) ? releases[codename] : undefined;
    const state = objectOf(value);
    return release === undefined || !state ? [] : affectedOf(source, release, state);
  });
  if (affected.length === 0) return undefined;
  return {
    id: `DEBIAN-${id}:${source}`,
    upstream: id.startsWith('CVE-') ? [id] : [],
    summary: summaryOf(vulnerability['description']),
    details: vulnerability['description'],
    affected,
    references: [{ type: 'ADVISORY', url: `https://security-tracker.debian.org/tracker/${encodeURIComponent(id)}` }],
  };
}

function affectedOf(source: string, release: string, state: Record<string, unknown>): object[] {
  const { status, fixed_version: fixed, urgency, nodsa, nodsa_reason: reason } = state;
  // Version 0: this release was never affected.
  if ((status !== 'open' && status !== 'resolved') || fixed === '0') return [];
  if (status === 'resolved' && typeof fixed !== 'string') return [];
  const events = [{ introduced: '0' }, ...(typeof fixed === 'string' && status === 'resolved' ? [{ fixed }] : [])];
  return [
    {
      package: { ecosystem: `Debian:${release}`, name: source },
      ranges: [{ type: 'ECOSYSTEM', events }],
      ecosystem_specific: {
        urgency: line(urgency, 64),
        ...(typeof nodsa === 'string' && { nodsa: line(nodsa, 256), nodsa_reason: line(reason, 64) }),
      },
    },
  ];
}

export function summaryOf(description: unknown): string {
  const text = line(description, 400);
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
