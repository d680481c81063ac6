import { compareVersions } from '../../packages/index.ts';
import { importRefused } from '../import-error.ts';
import type { Item } from '../import-records.ts';
import { listOf, objectOf } from '../read-record.ts';

/** A file of it may have this many bytes; real ones have up to 2 MiB. */
export const secdbBytes = 64 * 1024 * 1024;

/**
 * Alpine's secdb, one file for each release and repository: `packages[].pkg.secfixes` has, for each version, the CVEs that it
 * fixes; version 0 are those that never concerned the package. One record for each CVE of each package.
 */
export function readAlpineSecdb(bytes: Uint8Array): { release: string; repository: string; items: Item[] } {
  const json = objectOf(parse(bytes));
  const release = json?.['distroversion'];
  const repository = json?.['reponame'];
  if (typeof release !== 'string' || !/^(?:v[0-9]+\.[0-9]+|edge)$/.test(release) || typeof repository !== 'string')
    throw importRefused('the file is no secdb of Alpine: it does not say of which release and repository it is');
  const items: Item[] = [];
  for (const one of listOf(json!['packages'])) {
    const found = objectOf(objectOf(one)?.['pkg']);
    const name = found?.['name'];
    if (typeof name !== 'string') continue;
    for (const [id, fixed] of fixesOf(objectOf(found!['secfixes']) ?? {})) {
      items.push({
        json: {
          id: `ALPINE-${id}:${name}`,
          upstream: id.startsWith('CVE-') ? [id] : [],
          affected: [
            {
              package: { ecosystem: `Alpine:${release}`, name },
              ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] }],
            },
          ],
          references: [{ type: 'ADVISORY', url: `https://security.alpinelinux.org/vuln/${encodeURIComponent(id)}` }],
        },
      });
    }
  }
  return { release, repository, items };
}

/** The version that fixes each vulnerability: the last one, where it had to be fixed again. Names of it follow each other in one text: `CVE-2019-1 GHSA-x`. */
function fixesOf(secfixes: Record<string, unknown>): Map<string, string> {
  const fixes = new Map<string, string>();
  for (const [version, ids] of Object.entries(secfixes)) {
    if (version === '0') continue;
    for (const text of listOf(ids)) {
      const [id] = typeof text === 'string' ? text.trim().split(/\s+/) : [];
      if (!id || !/^[A-Za-z0-9-]{1,64}$/.test(id)) continue;
      const other = fixes.get(id);
      if (other === undefined || compareVersions('Alpine', version, other) > 0) fixes.set(id, version);
    }
  }
  return fixes;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (error) {
    throw importRefused('the file is no JSON, or it is cut off', error);
  }
}
