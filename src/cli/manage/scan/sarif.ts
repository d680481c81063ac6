import type { FindingView } from '../../../scanning/index.ts';
import type { Severity } from '../../../packages/index.ts';
import { shown } from '../../output/index.ts';

const levels: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  Critical: 'error',
  High: 'error',
  Medium: 'warning',
  Low: 'note',
  Negligible: 'note',
  // Nobody says that it is harmless.
  Unknown: 'warning',
};
/** Where nobody has scored it: the middle of what the word stands for (CVSS 3.1 §5), for who sorts by numbers alone. */
const scores: Readonly<Record<Exclude<Severity, 'Unknown'>, string>> = {
  Critical: '9.5',
  High: '8.0',
  Medium: '5.5',
  Low: '2.0',
  Negligible: '0.1',
};
const mostText = 1000;

/** Findings as SARIF 2.1.0 (OASIS), for code scanning and consoles: a rule for each vulnerability, a result for each package. */
export function sarifOf(image: string, findings: readonly FindingView[]): object {
  const rules = new Map<string, FindingView>();
  for (const finding of findings) if (!rules.has(finding.vulnerability)) rules.set(finding.vulnerability, finding);
  const places = new Map([...rules.keys()].map((id, at) => [id, at]));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'Bonded', rules: [...rules.values()].map(ruleOf) } },
        properties: { image: line(image) },
        results: findings.map((finding) => resultOf(finding, places.get(finding.vulnerability)!)),
      },
    ],
  };
}

function ruleOf({ vulnerability, summary, severity, cvss, references, kev }: FindingView) {
  const help = references.find((one) => /^https?:\/\/[^\s"<>\\]+$/.test(one) && URL.canParse(one));
  const score = cvss.length > 0 ? Math.max(...cvss.map((one) => one.score)).toFixed(1) : scoreOf(severity);
  return {
    id: line(vulnerability),
    shortDescription: { text: line(summary || vulnerability) },
    ...(help !== undefined && { helpUri: new URL(help).href }),
    properties: {
      ...(score !== undefined && { 'security-severity': score }),
      tags: ['vulnerability', severity, ...(kev ? ['known-exploited'] : [])],
    },
  };
}

const scoreOf = (severity: Severity) => (severity === 'Unknown' ? undefined : scores[severity]);

function resultOf({ vulnerability, severity, component, fix, image, engines }: FindingView, ruleIndex: number) {
  const { name, version, purl, path, layer } = component;
  const remedy = fix.version === undefined ? 'no version without it is known' : `fixed in ${fix.version}`;
  return {
    ruleId: line(vulnerability),
    ruleIndex,
    level: levels[severity],
    message: { text: line(`${name} ${version}: ${vulnerability} (${severity}), ${remedy}`) },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: uriOf(path) }, region: { startLine: 1 } },
        logicalLocations: [{ fullyQualifiedName: line(purl), kind: 'package' }],
      },
    ],
    partialFingerprints: { 'vulnerability/package': line(`${vulnerability} ${purl}`) },
    properties: { image: line(image), layer: line(layer), engines: engines.map(line) },
  };
}

/** A path of the image, relative, as SARIF wants it: nothing in it is a scheme, a host or a way out. */
function uriOf(path: string): string {
  const segments = shown(path)
    .split('/')
    .filter((one) => one !== '' && one !== '.' && one !== '..');
  return segments.map((one) => encodeURIComponent(one.toWellFormed())).join('/') || 'image';
}

/** One line, of what a terminal or a console does not obey. */
const line = (text: string): string => shown(text.toWellFormed()).slice(0, mostText);
