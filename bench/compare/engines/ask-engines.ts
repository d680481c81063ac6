import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askScan, scanned } from '../../../src/app/scan-rig.double.ts';
import { credentialsFor } from '../../../test/support/credentials.ts';
import { startTestApp } from '../../../test/support/server.ts';
import { createKitchen } from '../kitchen.ts';
import { writeGrypeData } from './grype-data.ts';
import { expected, known } from './known.ts';
import { writeTrivyData } from './trivy-data.ts';

interface Shown {
  vulnerability: string;
  severity: string;
  fix: { state: string; version?: string };
  engines: string[];
  component: { purl: string; path: string };
}

const names = ['trivy', 'grype'] as const;

/**
 * Has a server ask the real Trivy and Grype about the image of Python, pinned by their hashes and without a network, by data made
 * for them. Returns what the findings have too few and too many of.
 */
export async function askEngines(
  paths: Readonly<Record<(typeof names)[number], string>>,
  { layout, directory }: { layout: string; directory: string },
): Promise<string[]> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const caches = { trivy: join(directory, 'trivy'), grype: join(directory, 'grype') };
  await writeTrivyData(caches.trivy, known);
  await writeGrypeData(caches.grype, known);
  const engines = [];
  for (const name of names) {
    const sha256 = createHash('sha256')
      .update(await Bun.file(paths[name]).bytes())
      .digest('hex');
    engines.push({ name, kind: name, path: paths[name], sha256, cache: caches[name] });
  }
  const file = join(directory, 'bonded.json');
  await writeFile(file, JSON.stringify({ scanning: { engines } }));
  await using server = await startTestApp({ file, settings: { 'scanning.parallel': 1 } });
  const digest = await push(`oci:${layout}:latest`, server, directory);
  for (const name of names) await ended(server.url, digest, name);
  const { findings } = await askScan<{ findings: Shown[] }>(server.url, 'team/app', digest, 'findings');
  const found = findings.map(sentenceOf);
  return [
    ...expected.filter((line) => !found.includes(line)).map((line) => `engines: missing: ${line}`),
    ...found.filter((line) => !expected.includes(line)).map((line) => `engines: not expected: ${line}`),
  ];
}

async function push(image: string, { url, host }: { url: string; host: string }, directory: string): Promise<string> {
  const { username, password } = credentialsFor(url);
  const target = ['--dest-tls-verify=false', '--dest-creds', `${username}:${password}`, '--digestfile', 'digest'];
  await createKitchen(directory).run(['skopeo', 'copy', '--quiet', ...target, image, `docker://${host}/team/app:v1`]);
  return (await Bun.file(join(directory, 'digest')).text()).trim();
}

function sentenceOf({ vulnerability, severity, fix, engines, component }: Shown): string {
  const purl = component.purl.replace(/@.*/, '');
  const words = [vulnerability, severity, fix.state, ...(fix.version === undefined ? [] : [fix.version]), purl];
  return `${words.join(' ')} in ${component.path} by ${engines.toSorted().join(', ')}`;
}

async function ended(url: string, digest: string, name: string): Promise<void> {
  for (const end = Date.now() + 10 * 60_000; Date.now() < end; await Bun.sleep(500)) {
    const engine = (await scanned(url, 'team/app', digest)).engines?.find((one) => one.name === name);
    if (engine?.state === 'Done') return;
    if (engine?.error !== undefined) throw new Error(`${name} as an engine: ${engine.error}`);
  }
  throw new Error(`${name} as an engine has not ended within 10 minutes`);
}
