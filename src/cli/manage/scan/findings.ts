import type { Digest } from '../../../oci/index.ts';
import { severities, type Severity } from '../../../packages/index.ts';
import { findingsInput, type FindingView, scanType } from '../../../scanning/index.ts';
import { UsageError } from '../../failure.ts';
import { shownQuoted } from '../../output/index.ts';
import type { Connection } from '../connect.ts';
import { textFlag } from '../flags.ts';
import { csvOf } from './csv.ts';
import { imageCommand, type NamedImage, scanAt } from './image-command.ts';
import { sarifOf } from './sarif.ts';

interface Flags {
  severity?: Severity;
  fixable?: boolean;
  vulnerability?: string;
  format?: 'sarif' | 'csv';
  failOn?: Severity;
}

const columns = {
  Vulnerability: 'vulnerability',
  Severity: 'severity',
  Package: 'component.name',
  Installed: 'component.version',
  Fixed: "fix.version || ''",
  Known: "join(' ', [kev && 'exploited' || '', malicious && 'malicious' || '', possible && 'possible' || ''])",
  FirstSeen: 'firstSeen',
  By: "join(' ', engines)",
};

const headings = [
  'vulnerability',
  'severity',
  'severitySource',
  'package',
  'installed',
  'fixed',
  'fixState',
  'kev',
  'epss',
  'firstSeen',
  'purl',
  'path',
  'layer',
  'image',
  'engines',
];

const rowOf = ({ component, fix, ...finding }: FindingView) => [
  finding.vulnerability,
  finding.severity,
  finding.severitySource,
  component.name,
  component.version,
  fix.version,
  fix.state,
  finding.kev?.dateAdded,
  finding.epss?.probability,
  finding.firstSeen,
  component.purl,
  component.path,
  component.layer,
  finding.image,
  finding.engines.join(' '),
];

const severityFlag = (brief: string) =>
  ({ kind: 'enum', values: severities, optional: true, placeholder: 'severity', brief }) as const;

/** `bonded findings IMAGE`. */
export const findings = imageCommand<Flags>({
  brief: 'List the vulnerabilities of an image',
  details:
    'Lists what is known against the packages of an image, from the worst to the least; of an index, of all its images. It is ' +
    'what advisories say now: nothing has to be scanned again.',
  examples: [
    'findings prod/app:v1',
    'findings prod/app:v1 --severity High --fixable -o json',
    'findings prod/app:v1 --format sarif > app.sarif',
    'findings prod/app:v1 --fail-on Critical',
  ],
  flags: {
    severity: severityFlag('Only those as bad, or worse'),
    fixable: {
      kind: 'boolean',
      optional: true,
      withNegated: false,
      brief: 'Only those that a newer version is without',
    },
    vulnerability: { ...textFlag, placeholder: 'id', brief: 'Only this one, by any of its ids' },
    format: { kind: 'enum', values: ['sarif', 'csv'], optional: true, brief: 'Write them in this form' },
    failOn: severityFlag('Exit with 1 where there is one as bad, or worse, or nobody knows yet'),
  },
  columns,
  async run(connection, image, { severity, fixable, vulnerability, format, failOn, output, query }) {
    if (format !== undefined && (output !== undefined || query !== undefined))
      throw new UsageError('--format writes all of it in its own form: neither --output nor --query goes with it');
    const { found, isKnown } = await allFindings(connection, image, {
      ...(severity && { severity }),
      ...(fixable && { fixable }),
      ...(vulnerability !== undefined && { vulnerability }),
    });
    const rank = (one: Severity) => severities.indexOf(one);
    const isBad = ({ severity: of, possible }: FindingView) => !possible && rank(of) >= rank(failOn!);
    if (failOn && !isKnown) connection.note('That is no reason to go on: --fail-on ends with 1.');
    if (failOn && (!isKnown || found.some(isBad))) connection.context.process.exitCode = 1;
    if (format === undefined) {
      if (found.length === 0) connection.note('Nothing is known against it.');
      return found;
    }
    const { context } = connection;
    if (format === 'csv') context.write(csvOf(headings, found.map(rowOf)));
    else
      context.write(shownQuoted(JSON.stringify(sarifOf(`${image.repository}@${image.digest}`, found), undefined, 2)));
    return undefined;
  },
});

interface ScanView {
  state: string;
  status?: string;
  error?: string;
  advisoriesTime?: string;
  withoutAdvisories?: string[];
  children?: { digest: Digest; state: string }[];
}

/** Whether it is known what is in an image, or there is nothing in it to be known. */
const isScanned = ({ state, status }: ScanView): boolean => status !== undefined || state === 'NotScannable';

/**
 * All of them, page by page. Says so where the image has not been scanned; `isKnown` is whether it was ever, and of an index whether all
 * of its images were.
 */
async function allFindings(
  { client, note }: Connection,
  image: NamedImage,
  filter: object,
): Promise<{ found: FindingView[]; isKnown: boolean }> {
  const scanOf = async (digest: Digest) =>
    (await client.get(scanType, scanAt({ ...image, digest }))).properties as unknown as ScanView;
  const { children = [], ...scan } = await scanOf(image.digest);
  const { state, status, error, advisoriesTime, withoutAdvisories } = scan;
  const others = children.filter((child) => child.state !== 'Done');
  // One that is scanned anew at this moment is known from before.
  const known = await Promise.all(others.map(async ({ digest }) => isScanned(await scanOf(digest))));
  const unknown = known.filter((one) => !one).length;
  const isKnown = unknown === 0 && isScanned(scan);
  if (state === 'Failed') note(`It could not be scanned: ${error ?? 'nobody knows why'}.`);
  else if (state !== 'Done' && state !== 'NotScannable')
    note('It is waiting to be scanned; this is what is known so far.');
  if (unknown > 0) note(`Of its ${children.length} images ${unknown} ${unknown === 1 ? 'is' : 'are'} not scanned.`);
  if (status === 'partial') note('Not all of it could be read: bonded scan show says what.');
  if (advisoriesTime !== undefined) note(`By advisories that were up to date on ${advisoriesTime}.`);
  if (withoutAdvisories)
    note(`Nothing is known of packages of ${withoutAdvisories.join(', ')}: no source speaks of them.`);
  const found: FindingView[] = [];
  for (;;) {
    const input = findingsInput.parse({ ...filter, skip: found.length, top: 1000 });
    const page = await client.action(scanType, scanType.actions.findings, scanAt(image), input);
    const { findings: some, total } = page;
    found.push(...some);
    if (some.length === 0 || found.length >= total) return { found, isKnown };
  }
}
