import { EngineError, type EngineFinding, type EngineReport, type EngineScanner } from './engine.ts';
import {
  collectFindings,
  fixIn,
  idOf,
  linksIn,
  line,
  listOf,
  nameIn,
  objectOf,
  parseJson,
  scoreIn,
  severityIn,
  summaryIn,
  timeIn,
} from './untrusted.ts';

/** Reports of vulnerabilities that are understood, from the best to the least; both have the same shape. */
export const reportTypes = [
  'application/vnd.security.vulnerability.report; version=1.1',
  'application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0',
] as const;

export interface AdapterMetadata {
  scanner: EngineScanner;
  /** Media types of manifests that it scans. */
  consumes: ReadonlySet<string>;
  /** The best report that it makes. */
  reportType: (typeof reportTypes)[number];
  /** It tells kinds of capabilities apart: requests may, too. */
  hasTypes: boolean;
}

/** Types are the same with and without the space before a parameter. */
const typeOf = (value: unknown): string =>
  typeof value === 'string' ? value.slice(0, 200).replaceAll(/\s/g, '').toLowerCase() : '';

/** Reads what an adapter says of itself. Throws EngineError where it makes no report that is understood. */
export async function readMetadata(text: string, now: number): Promise<AdapterMetadata> {
  const json = await parseJson(text, 'what the adapter says of itself');
  const scanner = objectOf(json['scanner']) ?? {};
  const properties = objectOf(json['properties']) ?? {};
  const capabilities = listOf(json['capabilities'])
    .slice(0, 100)
    .map((one) => objectOf(one) ?? {});
  // One without a type is about vulnerabilities: so it was before there were types.
  const ours = capabilities.filter(({ type }) => type === undefined || type === 'vulnerability');
  const produced = new Set(ours.flatMap((one) => listOf(one['produces_mime_types']).slice(0, 100).map(typeOf)));
  const consumed = ours.flatMap((one) => listOf(one['consumes_mime_types']).slice(0, 100).map(typeOf));
  const reportType = reportTypes.find((type) => produced.has(typeOf(type)));
  if (!reportType) throw new EngineError('the adapter makes no report of vulnerabilities that is understood here');
  const databaseAt = timeIn(properties['harbor.scanner-adapter/vulnerability-database-updated-at'], now);
  return {
    scanner: scannerOf(scanner, databaseAt),
    consumes: new Set(consumed),
    reportType,
    hasTypes: capabilities.some(({ type }) => type !== undefined),
  };
}

function scannerOf(scanner: Record<string, unknown>, databaseAt: number | undefined): EngineScanner {
  const { name, version } = scanner;
  return {
    name: line(name, 100) || 'unknown',
    version: line(version, 50),
    ...(databaseAt !== undefined && { databaseAt }),
  };
}

/** Reads a report. Throws EngineError where it is none, or one of another image. */
export async function readHarborReport(
  text: string,
  { digest, engine, scanner }: { digest: string; engine: string; scanner: EngineScanner },
): Promise<EngineReport> {
  const json = await parseJson(text, 'the report');
  const said = objectOf(json['artifact'])?.['digest'];
  if (said !== undefined && said !== digest) throw new EngineError('the report is one of another image');
  if (
    json['vulnerabilities'] !== null &&
    json['vulnerabilities'] !== undefined &&
    !Array.isArray(json['vulnerabilities'])
  )
    throw new EngineError('the report has no list of vulnerabilities');
  const own = objectOf(json['scanner']);
  return {
    scanner: own ? scannerOf(own, scanner.databaseAt) : scanner,
    ...(await collectFindings(
      listOf(json['vulnerabilities'])
        .values()
        .map((one) => findingOf(objectOf(one), engine)),
    )),
  };
}

function findingOf(one: Record<string, unknown> | undefined, engine: string): EngineFinding | undefined {
  const id = idOf(one?.['id']);
  const name = nameIn(one?.['package']);
  if (!one || !id || name === '') return undefined;
  const cvss = objectOf(one['preferred_cvss']) ?? {};
  return {
    id,
    package: name,
    version: nameIn(one['version']),
    severity: severityIn(one['severity']),
    severitySource: engine,
    ...fixIn(one['fix_version'], stateOf(one['status'])),
    cvss: [
      ...scoreIn(engine, cvss['vector_v3'], cvss['score_v3']),
      ...scoreIn(engine, cvss['vector_v2'], cvss['score_v2']),
    ],
    summary: summaryIn(one['description']),
    references: linksIn(listOf(one['links'])),
  };
}

/** Not in the specification, and said by adapters of Trivy. */
function stateOf(status: unknown): EngineFinding['fixState'] {
  if (status === 'will_not_fix' || status === 'end_of_life') return 'wont-fix';
  return status === 'affected' || status === 'fix_deferred' ? 'not-fixed' : 'unknown';
}
