import { Database } from 'bun:sqlite';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The index of Maven artifacts by their hash that Trivy asks (trivy-java-db, schema 1), of all that lies in the repository of
 * this user. Trivy would download one of all public artifacts. Resolves with whether an artifact, `group/artifact`, is there in a
 * version.
 */
export async function writeJavaIndex(trivyCache: string): Promise<(name: string, version: string) => boolean> {
  const folder = join(trivyCache, 'java-db');
  await mkdir(folder, { recursive: true });
  using database = new Database(join(folder, 'trivy-java.db'), { create: true });
  database.run('DROP TABLE IF EXISTS artifacts');
  database.run('DROP TABLE IF EXISTS indices');
  database.run('CREATE TABLE artifacts (id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT)');
  database.run(
    'CREATE TABLE indices (artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT, FOREIGN KEY (artifact_id) REFERENCES artifacts(id))',
  );
  database.run('CREATE UNIQUE INDEX artifacts_idx ON artifacts(artifact_id, group_id)');
  database.run('CREATE UNIQUE INDEX indices_sha1_idx ON indices(sha1)');
  const repository = join(homedir(), '.m2', 'repository');
  const published = new Set<string>();
  for await (const path of new Bun.Glob('**/*.jar').scan({ cwd: repository })) {
    const segments = path.split('/');
    const [artifact, version] = segments.slice(-3);
    const group = segments.slice(0, -3).join('.');
    if (segments.length < 4) continue;
    published.add(`${group}/${artifact} ${version}`);
    const sha1 = createHash('sha1')
      .update(await Bun.file(join(repository, path)).bytes())
      .digest();
    database.run('INSERT OR IGNORE INTO artifacts (group_id, artifact_id) VALUES (?, ?)', [group, artifact!]);
    database.run(
      'INSERT OR IGNORE INTO indices SELECT id, ?, ?, ? FROM artifacts WHERE group_id = ? AND artifact_id = ?',
      [version!, sha1, 'jar', group, artifact!],
    );
  }
  const day = 24 * 3600 * 1000;
  const times = { NextUpdate: new Date(Date.now() + 365 * day), UpdatedAt: new Date(), DownloadedAt: new Date() };
  await writeFile(join(folder, 'metadata.json'), JSON.stringify({ Version: 1, ...times }));
  return (name, version) => published.has(`${name} ${version}`);
}
