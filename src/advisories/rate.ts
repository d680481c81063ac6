import { type Severity, severityRank } from '../packages/index.ts';
import { type CvssScore, cvssVersions, readCvss, severityOfScore } from './cvss.ts';
import { listed, type OsvAffected, type OsvRecord, type OsvSeverity } from './osv.ts';

/** What one advisory says of a component; `entry` is what matched. */
export interface Statement {
  record: OsvRecord;
  entry: OsvAffected | undefined;
}

export interface Rating {
  severity: Severity;
  /** Which advisory says so, and how: `GHSA-35jh-r3h4-6jhm (CVSS 3.1)`. Empty for Unknown. */
  severitySource: string;
  /** Every vector of every advisory; `source` is its id. In the order of versions, then of scores, the highest first. */
  cvss: { source: string; vector: string; score: number }[];
}

/** Who says it, by what. */
interface Word {
  severity: Severity;
  source: string;
}

/** Words of databases and distributions. Those that are none of these say nothing (`not yet assigned`, `untriaged`). */
const words: Readonly<Record<string, Severity>> = {
  none: 'Negligible',
  negligible: 'Negligible',
  unimportant: 'Negligible',
  low: 'Low',
  minor: 'Low',
  medium: 'Medium',
  moderate: 'Medium',
  high: 'High',
  important: 'High',
  critical: 'Critical',
};

/** Most vectors that are kept of one vulnerability. */
const mostVectors = 20;

/**
 * How bad a vulnerability is for a component, by all advisories that speak of it. What a distribution says of its own package
 * counts first: it knows how it was built. Then the word of the database, then CVSS 4.0, 3.1, 3.0, 2.0. Where several say
 * something in one of these ways, the worst of it. Hostile packages (`MAL-`) are Critical. Pure.
 */
export function rate(statements: readonly Statement[]): Rating {
  const scores = vectorsOf(statements);
  const { severity, source } =
    worst(statements.flatMap(hostile)) ??
    worst(statements.flatMap(wordOfDistribution)) ??
    worst(statements.flatMap(wordOfDatabase)) ??
    byScore(scores);
  return {
    severity,
    severitySource: source,
    cvss: scores.slice(0, mostVectors).map(({ source: said, vector, score }) => ({ source: said, vector, score })),
  };
}

/** Whether an advisory says that a package is not vulnerable but hostile. */
export function isMalicious({ id, aliases }: Pick<OsvRecord, 'id' | 'aliases'>): boolean {
  return id.startsWith('MAL-') || listed(aliases).some((alias) => alias.startsWith('MAL-'));
}

function hostile({ record }: Statement): Word[] {
  return isMalicious(record) ? [{ severity: 'Critical', source: `${record.id} (malicious package)` }] : [];
}

/** Debian's urgency, Ubuntu's priority, and what others put beside the package. */
function wordOfDistribution({ record, entry }: Statement): Word[] {
  const specific = entry?.ecosystem_specific;
  const priorities = severitiesOf({ record, entry }).filter(({ type }) => type === 'Ubuntu');
  return [
    ...wordOf(specific?.['urgency'], `${record.id} (urgency)`),
    ...priorities.flatMap(({ score }) => wordOf(score, `${record.id} (priority)`)),
    ...wordOf(specific?.['severity'], `${record.id} (severity of the package)`),
    ...wordOf(entry?.database_specific?.['severity'], `${record.id} (severity of the package)`),
  ];
}

function wordOfDatabase({ record }: Statement): Word[] {
  return wordOf(record.database_specific?.['severity'], `${record.id} (severity)`);
}

function wordOf(value: unknown, source: string): Word[] {
  if (typeof value !== 'string') return [];
  // Debian's automatic ones have stars behind them.
  const word = value.toLowerCase().replace(/\*+$/, '').trim();
  return Object.hasOwn(words, word) ? [{ severity: words[word]!, source }] : [];
}

function worst(found: readonly Word[]): Word | undefined {
  return found.reduce<Word | undefined>(
    (worse, one) => (worse && severityRank(worse.severity) >= severityRank(one.severity) ? worse : one),
    undefined,
  );
}

function byScore([first]: readonly (CvssScore & { source: string })[]): Word {
  if (!first) return { severity: 'Unknown', source: '' };
  return { severity: severityOfScore(first), source: `${first.source} (CVSS ${first.version})` };
}

/** What is said of the package stands for what is said of the whole (osv-schema, `affected[].severity`). */
function severitiesOf({ record, entry }: Statement): readonly OsvSeverity[] {
  const own = listed(entry?.severity);
  return own.length > 0 ? own : listed(record.severity);
}

function vectorsOf(statements: readonly Statement[]): (CvssScore & { source: string })[] {
  const found = statements.flatMap((statement) =>
    severitiesOf(statement)
      .slice(0, mostVectors)
      .flatMap(({ score }) => {
        const read = typeof score === 'string' ? readCvss(score) : undefined;
        return read ? [{ ...read, source: statement.record.id }] : [];
      }),
  );
  return found.toSorted(
    (a, b) => cvssVersions.indexOf(a.version) - cvssVersions.indexOf(b.version) || b.score - a.score,
  );
}
