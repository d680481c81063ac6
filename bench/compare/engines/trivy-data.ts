import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { boltOf } from '../../../src/advisories/formats/bolt.double.ts';
import type { Known } from './known.ts';

const buckets = { deb: 'debian 12', python: 'pip::GitHub Security Advisory pip' };
/** Of trivy-db: will not be fixed. */
const willNotFix = 5;

/** What lies in the cache of Trivy: a database of trivy-db (schema 2), and how old it is. */
export async function writeTrivyData(cache: string, known: readonly Known[]): Promise<void> {
  const folder = join(cache, 'db');
  await mkdir(folder, { recursive: true });
  const advisories: Record<string, Record<string, Record<string, string>>> = {};
  for (const { type, name, id, fixed } of known) {
    const advisory =
      type === 'python'
        ? { PatchedVersions: [fixed], VulnerableVersions: [`< ${fixed}`] }
        : fixed === undefined
          ? { Status: willNotFix, Severity: 1 }
          : { FixedVersion: fixed };
    ((advisories[buckets[type]] ??= {})[name] ??= {})[id] = JSON.stringify(advisory);
  }
  const vulnerability = Object.fromEntries(
    known.map(({ id, severity }) => [id, JSON.stringify({ Title: id, Severity: severity.toUpperCase() })]),
  );
  const source = (ID: string) => JSON.stringify({ ID, Name: ID, URL: 'https://example.com' });
  const sources = { [buckets.deb]: source('debian'), [buckets.python]: source('ghsa') };
  await writeFile(join(folder, 'trivy.db'), boltOf({ ...advisories, vulnerability, 'data-source': sources }));
  const at = new Date();
  const times = { NextUpdate: at, UpdatedAt: at, DownloadedAt: at };
  await writeFile(join(folder, 'metadata.json'), JSON.stringify({ Version: 2, ...times }));
}
