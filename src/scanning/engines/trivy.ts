import type { ProgramConfig } from './config.ts';
import { type Engine, EngineError, type EngineFinding, type EngineReport, type EngineScanner } from './engine.ts';
import { layOut, type LayoutSource } from './image-layout.ts';
import { runProgram } from './run-program.ts';
import {
  collectFindings,
  fixIn,
  idOf,
  line,
  linksIn,
  listOf,
  nameIn,
  objectOf,
  parseJson,
  scoreIn,
  scoresIn,
  severityIn,
  summaryIn,
  timeIn,
} from './untrusted.ts';

/** Trivy as an engine: its data is what lies in its cache directory, which it is told not to renew. */
export function createTrivyEngine(config: ProgramConfig, source: LayoutSource & { now(): number }): Engine {
  const { name, timeout, cache, maxImage } = config;
  return {
    name,
    kind: 'trivy',
    // Two would wait for one lock of its cache.
    parallel: 1,
    timeoutMs: timeout,
    async scan(image, signal) {
      await using layout = await layOut(source, image, maxImage, signal);
      const run = (args: readonly string[]) =>
        runProgram(config, { arguments: args, environment: {}, directory: layout.directory, signal });
      const scanner = await readVersion(await run(['version', '--format', 'json', '--cache-dir', cache]), source.now());
      const options = ['--format', 'json', '--scanners', 'vuln', flagOfTypes(scanner.version), 'os,library'];
      const offline = ['--skip-db-update', '--skip-java-db-update', '--offline-scan', '--cache-dir', cache];
      const quiet = ['--no-progress', '--quiet', '--timeout', `${Math.ceil(timeout / 1000)}s`];
      const input = ['--input', `${layout.path}@${image.digest}`];
      const report = await run(['image', ...input, ...options, ...offline, ...quiet]);
      return await readTrivyReport(report, scanner);
    },
  };
}

/** Which packages are looked at: the flag was renamed with 0.54. */
function flagOfTypes(version: string): string {
  const [, major = '0', minor = '99'] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) === 0 && Number(minor) < 54 ? '--vuln-type' : '--pkg-types';
}

async function readVersion(text: string, now: number): Promise<EngineScanner> {
  const json = await parseJson(text, 'what trivy says of its version');
  const databaseAt = timeIn(objectOf(json['VulnerabilityDB'])?.['UpdatedAt'], now);
  return { name: 'Trivy', version: line(json['Version'], 50), ...(databaseAt !== undefined && { databaseAt }) };
}

/** Reads what `trivy image --format json` prints. Throws EngineError where it is something else. */
export async function readTrivyReport(text: string, scanner: EngineScanner): Promise<EngineReport> {
  const json = await parseJson(text, 'the report');
  if (typeof json['SchemaVersion'] !== 'number') throw new EngineError('the report is none of trivy');
  return { scanner, ...(await collectFindings(findingsIn(json))) };
}

function* findingsIn(json: Record<string, unknown>): Generator<EngineFinding | undefined> {
  for (const result of listOf(json['Results'])) {
    for (const one of listOf(objectOf(result)?.['Vulnerabilities'])) yield findingOf(objectOf(one));
  }
}

function findingOf(one: Record<string, unknown> | undefined): EngineFinding | undefined {
  const id = idOf(one?.['VulnerabilityID']);
  const name = nameIn(one?.['PkgName']);
  if (!one || !id || name === '' || one['Status'] === 'not_affected') return undefined;
  const purl = line(objectOf(one['PkgIdentifier'])?.['PURL'], 1000);
  const scores = Object.entries(objectOf(one['CVSS']) ?? {}).slice(0, 20);
  return {
    id,
    package: name,
    version: nameIn(one['InstalledVersion']),
    ...(purl.startsWith('pkg:') && { purl }),
    severity: severityIn(one['Severity']),
    severitySource: line(one['SeveritySource'], 50) || 'trivy',
    ...fixIn(one['FixedVersion'], stateOf(one['Status'])),
    cvss: scoresIn(scores.flatMap(([source, score]) => cvssOf(source, objectOf(score) ?? {}))),
    summary: summaryIn(one['Title']) || summaryIn(one['Description']),
    references: linksIn([one['PrimaryURL'], ...listOf(one['References'])]),
  };
}

function cvssOf(source: string, score: Record<string, unknown>): EngineFinding['cvss'] {
  return [
    ...scoreIn(source, score['V40Vector'], score['V40Score']),
    ...scoreIn(source, score['V3Vector'], score['V3Score']),
    ...scoreIn(source, score['V2Vector'], score['V2Score']),
  ];
}

function stateOf(status: unknown): EngineFinding['fixState'] {
  if (status === 'will_not_fix' || status === 'end_of_life') return 'wont-fix';
  return status === 'affected' || status === 'fix_deferred' ? 'not-fixed' : 'unknown';
}
