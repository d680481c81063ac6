import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createKitchen } from './kitchen.ts';

/** What is compared with, at exact versions. Built by Go from its module: `environment` is what that takes beyond the usual. */
export const programs = {
  trivy: {
    title: 'Trivy',
    module: 'github.com/aquasecurity/trivy',
    command: 'cmd/trivy',
    version: 'v0.74.0',
    environment: { GOEXPERIMENT: 'jsonv2' },
  },
  syft: {
    title: 'Syft',
    module: 'github.com/anchore/syft',
    command: 'cmd/syft',
    version: 'v1.57.0',
    environment: {},
  },
  grype: {
    title: 'Grype',
    module: 'github.com/anchore/grype',
    command: 'cmd/grype',
    version: 'v0.121.3',
    environment: { GOEXPERIMENT: 'jsonv2' },
  },
} as const;

export type ProgramName = keyof typeof programs;

/** Those that list packages; Grype has what Syft lists. */
export const listers = ['trivy', 'syft'] as const satisfies readonly ProgramName[];
export type Lister = (typeof listers)[number];

/** The path of a program, which is built below the cache where it is not there yet: some minutes, and gigabytes of modules. */
export async function findProgram(name: ProgramName, cache: string): Promise<string> {
  const { module, command, version, environment } = programs[name];
  const directory = join(cache, 'programs', `${name}-${version}`);
  const path = join(directory, name);
  if (await Bun.file(path).exists()) return path;
  await mkdir(directory, { recursive: true });
  const { run } = createKitchen(directory);
  const go = async (...words: string[]) =>
    run(['go', ...words], { environment: { CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOWORK: 'off', ...environment } });
  if (!(await Bun.file(join(directory, 'go.mod')).exists())) await go('mod', 'init', `example.com/${name}`);
  await go('get', '-tool', `${module}/${command}@${version}`);
  // A build that is interrupted leaves no program under that name.
  await go('build', '-o', `${path}.unfinished`, `${module}/${command}`);
  await run(['mv', `${path}.unfinished`, path]);
  return path;
}
