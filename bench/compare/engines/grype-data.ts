import { Database } from 'bun:sqlite';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Known } from './known.ts';

/** Its tables (schema 6.1.10), by their columns. Most of them stay empty, and are asked all the same. */
const tables: Readonly<Record<string, string>> = {
  blobs: 'id INTEGER PRIMARY KEY, value TEXT',
  db_metadata: 'build_timestamp DATETIME, model INTEGER, revision INTEGER, addition INTEGER',
  providers: 'id TEXT PRIMARY KEY, version TEXT, processor TEXT, date_captured DATETIME, input_digest TEXT',
  vulnerability_handles:
    'id INTEGER PRIMARY KEY, name TEXT, status TEXT, published_date DATETIME, modified_date DATETIME, withdrawn_date DATETIME, provider_id TEXT, blob_id INTEGER',
  vulnerability_aliases: 'name TEXT, alias TEXT',
  operating_systems:
    'id INTEGER PRIMARY KEY, name TEXT, release_id TEXT, major_version TEXT, minor_version TEXT, label_version TEXT, codename TEXT, channel TEXT, eol_date DATETIME, eoas_date DATETIME',
  packages: 'id INTEGER PRIMARY KEY, ecosystem TEXT, name TEXT',
  affected_package_handles:
    'id INTEGER PRIMARY KEY, vulnerability_id INTEGER, operating_system_id INTEGER, package_id INTEGER, blob_id INTEGER',
  unaffected_package_handles:
    'id INTEGER PRIMARY KEY, vulnerability_id INTEGER, operating_system_id INTEGER, package_id INTEGER, blob_id INTEGER',
  operating_system_specifier_overrides:
    'alias TEXT, version TEXT, version_pattern TEXT, codename TEXT, channel TEXT, replacement TEXT, replacement_major_version TEXT, replacement_minor_version TEXT, replacement_label_version TEXT, replacement_channel TEXT, rolling NUMERIC, applicable_client_db_schemas TEXT',
  cpes: 'id INTEGER PRIMARY KEY, part TEXT, vendor TEXT, product TEXT, edition TEXT, language TEXT, software_edition TEXT, target_hardware TEXT, target_software TEXT, other TEXT',
  package_cpes: 'cpe_id INTEGER, package_id INTEGER',
  package_specifier_overrides: 'ecosystem TEXT, replacement_ecosystem TEXT',
  architecture_aliases: 'alias TEXT, canonical TEXT',
  affected_cpe_handles: 'id INTEGER PRIMARY KEY, vulnerability_id INTEGER, cpe_id INTEGER, blob_id INTEGER',
  unaffected_cpe_handles: 'id INTEGER PRIMARY KEY, vulnerability_id INTEGER, cpe_id INTEGER, blob_id INTEGER',
  known_exploited_vulnerability_handles: 'id INTEGER PRIMARY KEY, cve TEXT, blob_id INTEGER',
  epss_handles: 'id INTEGER PRIMARY KEY, cve TEXT, epss REAL, percentile REAL',
  epss_metadata: 'date DATETIME',
  cwe_handles: 'id INTEGER PRIMARY KEY, cve TEXT, cwe TEXT, source TEXT, type TEXT',
  ssvc_handles:
    'id INTEGER PRIMARY KEY, cve TEXT, source TEXT, role TEXT, version TEXT, timestamp DATETIME, exploitation TEXT, automatable TEXT, technical_impact TEXT',
};

/** What lies in the cache of Grype: its database, and the hash by which it takes it for its own. */
export async function writeGrypeData(cache: string, known: readonly Known[]): Promise<void> {
  const folder = join(cache, '6');
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'vulnerability.db');
  fill(file, known);
  const hash = Bun.hash
    .xxHash64(await Bun.file(file).bytes())
    .toString(16)
    .padStart(16, '0');
  await writeFile(join(folder, 'import.json'), JSON.stringify({ digest: `xxh64:${hash}`, client_version: 'v6.1.10' }));
}

function fill(file: string, known: readonly Known[]): void {
  using database = new Database(file, { create: true });
  for (const [name, columns] of Object.entries(tables)) database.run(`CREATE TABLE ${name} (${columns})`);
  const now = new Date().toISOString().replace('T', ' ').replace('Z', '+00:00');
  const insert = (table: string, ...values: (string | number | null)[]) =>
    database.run(`INSERT INTO ${table} VALUES (${values.map(() => '?').join()})`, values);
  let blobs = 0;
  const blob = (value: object) => {
    insert('blobs', ++blobs, JSON.stringify(value));
    return blobs;
  };
  insert('db_metadata', now, 6, 1, 10);
  for (const provider of ['debian', 'github']) insert('providers', provider, '1', 'vunnel', now, 'sha256:1');
  insert('operating_systems', 1, 'debian', 'debian', '12', '', '', 'bookworm', '', null, null);
  for (const [at, { id: cve, ghsa, severity, type, name, fixed }] of known.entries()) {
    const [key, id, isDebian] = [at + 1, ghsa ?? cve, type === 'deb'];
    const about = { id, severities: [{ scheme: 'CHMLN', value: severity, rank: 1 }], aliases: ghsa ? [cve] : [] };
    insert('vulnerability_handles', key, id, 'active', now, now, null, isDebian ? 'debian' : 'github', blob(about));
    if (ghsa) insert('vulnerability_aliases', ghsa, cve);
    // Names of Python are those of PEP 503 here.
    insert('packages', key, type, isDebian ? name : name.replaceAll('.', '-'));
    const fix = fixed === undefined ? { state: 'wont-fix' } : { state: 'fixed', version: fixed };
    const version = { type: isDebian ? 'dpkg' : 'python', constraint: fixed === undefined ? '' : `< ${fixed}` };
    insert(
      'affected_package_handles',
      key,
      key,
      isDebian ? 1 : null,
      key,
      blob({ cves: [cve], ranges: [{ version, fix }] }),
    );
  }
}
