import { shown } from '../../output/index.ts';

interface Shown {
  image: string;
  state: string;
  status?: string;
  error?: string;
  attempts?: number;
  os?: ShownSystem;
  components?: number;
  summary?: Record<string, number>;
  scannedTime?: string;
  evaluatedTime?: string;
  advisoriesTime?: string;
  withoutAdvisories?: string[];
  warnings?: { code: string; layer?: string; path?: string; detail?: string }[];
  children?: { digest: string; state: string }[];
  engines?: ShownEngine[];
}

interface ShownSystem {
  id: string;
  versionId?: string;
  prettyName?: string;
  endOfLife?: string;
  endOfStandardSupport?: string;
}

interface ShownEngine {
  name: string;
  state: string;
  scannedTime?: string;
  scanner?: string;
  version?: string;
  databaseTime?: string;
  findings?: number;
  error?: string;
}

const states: Readonly<Record<string, string>> = {
  Pending: 'waits to be scanned',
  Running: 'is being scanned',
  Done: 'was scanned',
  Failed: 'could not be scanned',
  NotScannable: 'is nothing that can be scanned',
};
const severities = ['critical', 'high', 'medium', 'low', 'negligible', 'unknown'] as const;
const mostWarnings = 20;

/** For people: how far a scan is and what it has found. Nothing that an image says of itself does anything to a terminal. */
export function reportOf(value: unknown): string {
  const scan = value as Shown;
  const { image, state, status, error, attempts, os, components, summary, warnings = [], children } = scan;
  const lines = [`${image} ${children ? 'is an index of these images:' : (states[state] ?? state)}`];
  for (const child of children ?? []) lines.push(`  ${child.digest}  ${states[child.state] ?? child.state}`);
  if (error !== undefined) lines.push(`The last attempt${attempts ? ` (of ${attempts})` : ''} failed: ${error}`);
  if (status === 'unsupported')
    lines.push('Nothing is known of what is in it: it has no packages that are recognised.');
  if (os) lines.push(`System: ${systemOf(os)}`);
  if (components !== undefined) lines.push(`Packages: ${components}`);
  if (summary) {
    const counts = severities.filter((one) => summary[one]).map((one) => `${summary[one]} ${one}`);
    const more = ['fixable', 'malicious', 'possible']
      .filter((one) => summary[one])
      .map((one) => `${summary[one]} ${one}`);
    if (summary['kev']) more.push(`${summary['kev']} known to be exploited`);
    lines.push(
      `Vulnerabilities: ${counts.join(', ') || 'none known'}${more.length > 0 ? ` (${more.join(', ')})` : ''}`,
    );
  }
  if (scan.evaluatedTime !== undefined) {
    const fresh = scan.advisoriesTime === undefined ? '' : `; these were up to date on ${scan.advisoriesTime}`;
    lines.push(`Compared with advisories on ${scan.evaluatedTime}${fresh}`);
  }
  if (scan.withoutAdvisories) {
    lines.push(
      `There are no advisories for ${scan.withoutAdvisories.join(', ')}: nothing is known of these packages (bonded advisories sync)`,
    );
  }
  for (const engine of scan.engines ?? []) lines.push(lineOf(engine));
  if (status === 'partial') lines.push('Not all of it could be read:');
  for (const { code, layer, path, detail } of warnings.slice(0, mostWarnings)) {
    lines.push(`  ${[code, path, layer, detail].filter((one) => one !== undefined).join(': ')}`);
  }
  if (warnings.length > mostWarnings) lines.push(`  and ${warnings.length - mostWarnings} more`);
  return lines.map(shown).join('\n');
}

/** The distribution, and until when it is maintained, where that is known. */
function systemOf({ id, versionId, prettyName, endOfLife, endOfStandardSupport }: ShownSystem): string {
  const name = prettyName ?? [id, versionId].filter(Boolean).join(' ');
  if (endOfLife === undefined) return name;
  const isPast = (time: string) => Date.parse(time) <= Date.now();
  const day = (time: string) => time.slice(0, 10);
  if (isPast(endOfLife)) return `${name}, without updates since ${day(endOfLife)}`;
  const isHandedOver = endOfStandardSupport !== undefined && isPast(endOfStandardSupport);
  return `${name}, ${isHandedOver ? 'in long-term support' : 'maintained'} until ${day(endOfLife)}`;
}

/** What an engine has said, and when; of one whose last attempt failed what it said before stands. */
function lineOf({ name, state, scannedTime, scanner, version, databaseTime, findings, error }: ShownEngine): string {
  const what = [scanner, version].filter(Boolean).join(' ');
  const data = databaseTime === undefined ? '' : `, by data of ${databaseTime}`;
  const said =
    scannedTime === undefined
      ? ''
      : `${findings ?? 0} finding${findings === 1 ? '' : 's'} on ${scannedTime}${what && ` (${what}${data})`}`;
  const now = error === undefined ? (state === 'Done' ? '' : states[state]!) : `the last attempt failed: ${error}`;
  return `Engine ${name}: ${[said, now].filter(Boolean).join('; ') || 'has said nothing'}`;
}
