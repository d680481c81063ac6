import { importRefused } from '../import-error.ts';
import type { Item } from '../import-records.ts';
import { formatEcosystem } from '../../packages/index.ts';
import { listOf, objectOf } from '../read-record.ts';
import { type Bucket, openBolt } from './bbolt.ts';
import type { ByteSource } from './byte-source.ts';
import { type Constrained, rangesOf, rangesWithout } from './version-constraints.ts';

/** One data source of a trivy-db: what it knows of one ecosystem, or of one release of a distribution. */
export interface TrivySource {
  /** As trivy-db calls it: `debian 12`, `npm::GitHub Security Advisory npm`. */
  bucket: string;
  ecosystem: string;
  release: string;
  /** Who says it, as trivy-db has it. */
  name: string;
  items(): AsyncGenerator<Item>;
}

/** Distributions, by what a bucket begins with. */
const distributions: readonly (readonly [prefix: string, ecosystem: string, release: (text: string) => string])[] = [
  ['alpine ', 'Alpine', (text) => (text === 'edge' ? text : `v${text}`)],
  ['debian ', 'Debian', (text) => text],
  ['ubuntu ', 'Ubuntu', ubuntuRelease],
  ['alma ', 'AlmaLinux', (text) => text],
  ['rocky ', 'Rocky Linux', (text) => text],
  ['Oracle Linux ', 'Oracle Linux', (text) => text],
  ['amazon linux ', 'Amazon Linux', (text) => text],
  ['Photon OS ', 'Photon OS', (text) => text],
  ['CBL-Mariner ', 'Azure Linux', (text) => text.replace(/\..*$/, '')],
  ['Azure Linux ', 'Azure Linux', (text) => text.replace(/\..*$/, '')],
  ['SUSE Linux Enterprise ', 'SUSE', (text) => `Linux Enterprise Server ${text.replace('.', ' SP')}`],
  ['openSUSE Leap ', 'openSUSE', (text) => `Leap ${text}`],
];
const whole: Readonly<Record<string, string>> = { wolfi: 'Wolfi', chainguard: 'Chainguard' };

/** Languages, by what stands before `::`. */
const languages: Readonly<Record<string, string>> = {
  npm: 'npm',
  pip: 'PyPI',
  go: 'Go',
  maven: 'Maven',
  rubygems: 'RubyGems',
  cargo: 'crates.io',
  composer: 'Packagist',
  nuget: 'NuGet',
  pub: 'Pub',
  erlang: 'Hex',
  conan: 'ConanCenter',
  bitnami: 'Bitnami',
  swift: 'SwiftURL',
};

/** Which part of the vulnerable world is not told by a version: `not_affected` of a vendor (trivy-db, types.Status). */
const notAffected = 1;
const statuses = [
  'unknown',
  'not_affected',
  'affected',
  'fixed',
  'under_investigation',
  'will_not_fix',
  'fix_deferred',
  'end_of_life',
];
const severities = ['UNKNOWN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'];

/** The data sources of a trivy-db (schema 2). Red Hat's, which are found by CPE, are not among them. */
export async function* readTrivyDb(source: ByteSource): AsyncGenerator<TrivySource> {
  const root = await openBolt(source);
  const details = await root.bucket('vulnerability');
  if (!details) throw importRefused('the database is no trivy-db: it has no bucket of vulnerabilities');
  const sources = await root.bucket('data-source');
  for await (const { key, bucket } of root.entries()) {
    const place = bucket && placeOf(key);
    if (!place) continue;
    const named = jsonOf(await sources?.get(key))?.['Name'];
    yield {
      bucket: key,
      ...place,
      name: typeof named === 'string' ? named : key,
      items: () => itemsOf(bucket, place, details),
    };
  }
}

/** The ecosystem that a bucket is of. */
export function ecosystemOfBucket(bucket: string): string | undefined {
  return placeOf(bucket)?.ecosystem;
}

function placeOf(bucket: string): { ecosystem: string; release: string } | undefined {
  const [language = '', more] = bucket.split('::', 2);
  if (more !== undefined)
    return Object.hasOwn(languages, language) ? { ecosystem: languages[language]!, release: '' } : undefined;
  if (Object.hasOwn(whole, bucket)) return { ecosystem: whole[bucket]!, release: '' };
  for (const [prefix, ecosystem, releaseOf] of distributions) {
    const text = bucket.slice(prefix.length);
    if (bucket.startsWith(prefix) && text !== '') return { ecosystem, release: releaseOf(text) };
  }
  return undefined;
}

function ubuntuRelease(text: string): string {
  const [year] = text.split('.');
  return Number(year) % 2 === 0 && text.endsWith('.04') ? `${text}:LTS` : text;
}

async function* itemsOf(
  packages: Bucket,
  place: { ecosystem: string; release: string },
  details: Bucket,
): AsyncGenerator<Item> {
  for await (const { key: name, bucket } of packages.entries()) {
    if (!bucket) continue;
    for await (const { key: id, value } of bucket.entries()) {
      if (!value) continue;
      const advisory = jsonOf(value);
      if (!advisory) {
        yield { refused: `${id} of ${name} is no JSON`, id: recordId(id, name) };
        continue;
      }
      const constrained = constrainedBy(place.ecosystem, advisory);
      if (constrained?.unread !== undefined)
        yield { refused: `${id} of ${name} says versions that cannot be read`, id: recordId(id, name) };
      const affected = affectedOf(name, place, advisory, constrained);
      if (affected) yield { json: recordOf(id, name, affected, jsonOf(await details.get(id)) ?? {}) };
    }
  }
}

/** Of a language: which versions are vulnerable, or all but those that are not (Trivy, `compare.IsVulnerable`). */
function constrainedBy(ecosystem: string, advisory: Record<string, unknown>): Constrained | undefined {
  const { VulnerableVersions, PatchedVersions, UnaffectedVersions } = advisory;
  const vulnerable = listOf(VulnerableVersions).map(String);
  const secure = [...listOf(PatchedVersions), ...listOf(UnaffectedVersions)].map(String);
  if (vulnerable.includes('') || listOf(PatchedVersions).includes('')) return rangesOf(['']);
  if (vulnerable.length > 0) return rangesOf(vulnerable);
  if (secure.length > 0) return rangesWithout(ecosystem, secure);
  return Array.isArray(VulnerableVersions) ? rangesOf([]) : undefined;
}

function affectedOf(
  name: string,
  place: { ecosystem: string; release: string },
  advisory: Record<string, unknown>,
  constrained: Constrained | undefined,
): object | undefined {
  const { FixedVersion: fixed, Status: status, Severity: severity } = advisory;
  if (status === notAffected) return undefined;
  const said = {
    ...(typeof severity === 'number' && severities[severity] && { severity: severities[severity] }),
    ...(typeof status === 'number' && statuses[status] && { status: statuses[status] }),
  };
  const named = { ecosystem: formatEcosystem(place), name };
  if (constrained) {
    const { ranges, versions } = constrained;
    if (ranges.length === 0 && versions.length === 0) return undefined;
    return { package: named, ranges, versions, ecosystem_specific: said };
  }
  const events = [{ introduced: '0' }, ...(typeof fixed === 'string' && fixed !== '' ? [{ fixed }] : [])];
  return { package: named, ranges: [{ type: 'ECOSYSTEM', events }], ecosystem_specific: said };
}

const recordId = (id: string, name: string) => `TRIVY-${id}:${name}`;

function recordOf(id: string, name: string, affected: object, detail: Record<string, unknown>): object {
  const { Title, Description, References, Severity, PublishedDate, CVSS } = detail;
  const vectors = new Set<string>();
  for (const rating of Object.values(objectOf(CVSS) ?? {})) {
    const { V40Vector, V3Vector, V2Vector } = objectOf(rating) ?? {};
    for (const vector of [V40Vector, V3Vector, V2Vector]) if (typeof vector === 'string') vectors.add(vector);
  }
  return {
    id: recordId(id, name),
    // What has no CVE is known by the id that its database gave it.
    ...(id.startsWith('CVE-') ? { upstream: [id] } : { aliases: [id] }),
    published: PublishedDate,
    summary: Title,
    details: Description,
    severity: [...vectors].map((score) => ({ type: typeOfVector(score), score })),
    references: listOf(References).map((url) => ({ type: 'WEB', url })),
    affected: [affected],
    ...(typeof Severity === 'string' && { database_specific: { severity: Severity } }),
  };
}

function typeOfVector(vector: string): string {
  if (vector.startsWith('CVSS:4')) return 'CVSS_V4';
  return vector.startsWith('CVSS:3') ? 'CVSS_V3' : 'CVSS_V2';
}

function jsonOf(bytes: Uint8Array | undefined): Record<string, unknown> | undefined {
  if (!bytes) return undefined;
  try {
    return objectOf(JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()));
  } catch {
    return undefined;
  }
}
