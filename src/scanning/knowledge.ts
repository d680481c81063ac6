import type { EvidenceFinding } from '../admission/index.ts';
import { type Vulnerability, vulnerabilitiesOf } from '../advisories/index.ts';
import type { Database } from '../database/index.ts';

/** What advisories say, at one moment. */
export interface Knowledge {
  revision: number;
  /** How fresh the oldest feed is that speaks of these ecosystems (ms); 0 where none speaks of one. */
  freshAt(ecosystems: readonly string[]): number;
  of(componentIds: readonly number[]): Promise<ReadonlyMap<number, readonly KnownVulnerability[]>>;
}

/** What of a vulnerability makes a finding; the rest is asked for when somebody reads it. */
export type KnownVulnerability = Pick<
  EvidenceFinding,
  'id' | 'aliases' | 'severity' | 'fixable' | 'fixState' | 'kev' | 'epss' | 'malicious' | 'fixedVersion' | 'possible'
>;

/** Vulnerabilities that are remembered between images, which have many packages in common: some hundred bytes each. */
const mostRemembered = 200_000;

/** Knowledge that asks the advisories, and remembers what it was told as long as it lives: one round of work. */
export function createKnowledge(
  db: Database,
  revision: number,
  freshAt: (ecosystems: readonly string[]) => number,
): Knowledge {
  let known = new Map<number, readonly KnownVulnerability[]>();
  let remembered = 0;
  return {
    revision,
    freshAt,
    async of(componentIds) {
      const wanted = new Set(componentIds);
      if (remembered > mostRemembered) [known, remembered] = [new Map(), 0];
      const answer = known;
      const missing = [...wanted].filter((id) => !answer.has(id));
      const found = await vulnerabilitiesOf(db, missing);
      for (const id of missing) {
        const list = (found.get(id) ?? []).map(shortened);
        if (!answer.has(id)) remembered += 1 + list.length;
        answer.set(id, list);
      }
      return answer;
    },
  };
}

function shortened(found: Vulnerability): KnownVulnerability {
  return {
    id: found.id,
    aliases: [...new Set([...found.aliases, ...found.records])].filter((alias) => alias !== found.id),
    severity: found.severity,
    fixable: found.fixState === 'fixed',
    fixState: found.fixState,
    kev: found.kev !== undefined,
    ...(found.epss && { epss: found.epss.probability }),
    malicious: found.malicious,
    ...(found.fixedVersion !== undefined && { fixedVersion: found.fixedVersion }),
    ...(found.possible && { possible: true }),
  };
}
