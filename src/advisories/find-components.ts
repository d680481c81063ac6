import { listsOf, type LookUps } from '../database/index.ts';
import { advisoryName, type Component, languageEcosystem, normalisePythonName, parsePurl } from '../packages/index.ts';
import './tables.ts';

/** Most components that one question is answered with. */
export const mostFound = 10_000;

export type FoundComponent = Component & { id: number };

const columns = 'id, ecosystem, release, name, version';

/**
 * Components by what they are called: a name as advisories know it, also in capitals or as people write those of Python, or a
 * package URL of a language, with a version or without one. In the order of ids.
 */
export async function findComponents(db: LookUps, asked: string): Promise<FoundComponent[]> {
  const purl = asked.startsWith('pkg:') ? parsePurl(asked) : undefined;
  if (!purl) {
    const spellings = [...new Set([asked, asked.toLowerCase(), normalisePythonName(asked)])];
    const named = spellings.map((name) =>
      db.all<FoundComponent>(`SELECT ${columns} FROM components WHERE name = ? ORDER BY name, id LIMIT ?`, [
        name,
        mostFound,
      ]),
    );
    return (await Promise.all(named))
      .flat()
      .toSorted((one, other) => one.id - other.id)
      .slice(0, mostFound);
  }
  const ecosystem = languageEcosystem(purl.type);
  const name = ecosystem === undefined ? purl.name : advisoryName(ecosystem, purl.namespace, purl.name);
  const rows = await db.all<FoundComponent>(
    ecosystem === undefined
      ? `SELECT ${columns} FROM components WHERE name = ? LIMIT ?`
      : `SELECT ${columns} FROM components WHERE name = ? AND ecosystem = ? LIMIT ?`,
    [name, ...(ecosystem === undefined ? [] : [ecosystem]), mostFound],
  );
  return rows
    .filter(({ version }) => purl.version === undefined || version === purl.version)
    .toSorted((one, other) => one.id - other.id);
}

/** The id of a vulnerability as it is stored: people ask for CVEs in capitals or not. */
export const askedId = (vulnerability: string): string =>
  /^cve-/i.test(vulnerability) ? vulnerability.toUpperCase() : vulnerability;

/** Components against which a vulnerability is known: a CVE, in capitals or not, or the id of an advisory. In the order of ids. */
export async function componentsWith(db: LookUps, vulnerability: string): Promise<FoundComponent[]> {
  const rows = await db.all<{ component_id: number }>(
    `SELECT m.component_id FROM advisory_aliases a JOIN component_matches m ON m.advisory_id = a.advisory_id
      WHERE a.alias = ? LIMIT ?`,
    [askedId(vulnerability), mostFound],
  );
  // Several advisories may say the same.
  const ids = [...new Set(rows.map(({ component_id }) => component_id))];
  const found = listsOf(ids).map(({ list, values }) =>
    db.all<FoundComponent>(`SELECT ${columns} FROM components WHERE id IN (${list})`, values),
  );
  return (await Promise.all(found)).flat().toSorted((one, other) => one.id - other.id);
}
