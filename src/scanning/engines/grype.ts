import type { ProgramConfig } from './config.ts';
import { type Engine, EngineError, type EngineFinding, type EngineReport } from './engine.ts';
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

/** Grype as an engine: its data is what lies in its cache directory, which it is told not to renew. */
export function createGrypeEngine(config: ProgramConfig, source: LayoutSource & { now(): number }): Engine {
  const { name, timeout, cache, maxImage } = config;
  return {
    name,
    kind: 'grype',
    parallel: 1,
    timeoutMs: timeout,
    async scan(image, signal) {
      await using layout = await layOut(source, image, maxImage, signal);
      const environment = {
        GRYPE_DB_CACHE_DIR: cache,
        GRYPE_DB_AUTO_UPDATE: 'false',
        // How fresh the data is is shown; it is not for the program to refuse.
        GRYPE_DB_VALIDATE_AGE: 'false',
        GRYPE_CHECK_FOR_APP_UPDATE: 'false',
      };
      const report = await runProgram(config, {
        arguments: [`oci-dir:${layout.path}`, '--output', 'json', '--quiet'],
        environment,
        directory: layout.directory,
        signal,
      });
      return await readGrypeReport(report, source.now());
    },
  };
}

/** Reads what `grype --output json` prints. Throws EngineError where it is something else. */
export async function readGrypeReport(text: string, now: number): Promise<EngineReport> {
  const json = await parseJson(text, 'the report');
  if (!Array.isArray(json['matches'])) throw new EngineError('the report is none of grype');
  const descriptor = objectOf(json['descriptor']) ?? {};
  const database = objectOf(descriptor['db']) ?? {};
  // The place has changed with the sixth schema.
  const databaseAt = timeIn(objectOf(database['status'])?.['built'] ?? database['built'], now);
  return {
    scanner: {
      name: 'Grype',
      version: line(descriptor['version'], 50),
      ...(databaseAt !== undefined && { databaseAt }),
    },
    ...(await collectFindings(
      listOf(json['matches'])
        .values()
        .map((one) => findingOf(objectOf(one) ?? {})),
    )),
  };
}

function findingOf(match: Record<string, unknown>): EngineFinding | undefined {
  const vulnerability = objectOf(match['vulnerability']);
  const artifact = objectOf(match['artifact']);
  const name = nameIn(artifact?.['name']);
  const own = idOf(vulnerability?.['id']);
  if (!vulnerability || !artifact || !own || name === '') return undefined;
  // Of a record of GitHub the CVE is said to be related.
  const related = listOf(match['relatedVulnerabilities'])
    .slice(0, 100)
    .map((one) => objectOf(one) ?? {});
  const cve = own.startsWith('CVE-') ? own : related.map(({ id }) => idOf(id)).find((id) => id?.startsWith('CVE-'));
  const fix = objectOf(vulnerability['fix']) ?? {};
  const purl = line(artifact['purl'], 1000);
  const scores = listOf(vulnerability['cvss'])
    .slice(0, 20)
    .map((one) => objectOf(one) ?? {});
  return {
    id: cve ?? own,
    package: name,
    version: nameIn(artifact['version']),
    ...(purl.startsWith('pkg:') && { purl }),
    severity: severityIn(vulnerability['severity']),
    severitySource: line(vulnerability['namespace'], 50) || 'grype',
    ...fixIn(listOf(fix['versions'])[0], stateOf(fix['state'])),
    cvss: scoresIn(
      scores.flatMap((one) =>
        scoreIn(line(one['source'], 50) || 'grype', one['vector'], objectOf(one['metrics'])?.['baseScore']),
      ),
    ),
    summary:
      summaryIn(vulnerability['description']) || summaryIn(related.find(({ id }) => id === cve)?.['description']),
    references: linksIn([vulnerability['dataSource'], ...listOf(vulnerability['urls'])]),
  };
}

function stateOf(state: unknown): EngineFinding['fixState'] {
  if (state === 'wont-fix') return 'wont-fix';
  return state === 'not-fixed' ? 'not-fixed' : 'unknown';
}
