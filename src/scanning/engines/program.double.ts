import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgramConfig } from './config.ts';

export const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A program of one's own: a script, with its hash, that is run in place of an engine. */
export async function openProgram(script: string, kind: ProgramConfig['kind'] = 'trivy') {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-program-'));
  const path = join(directory, kind);
  const text = `#!/bin/bash\n${script}\n`;
  await writeFile(path, text);
  await chmod(path, 0o755);
  const config: ProgramConfig = {
    name: kind,
    kind,
    path,
    sha256: sha256Of(text),
    cache: join(directory, 'cache'),
    memory: 1024 * 1024 * 1024,
    cpus: 1,
    network: true,
    timeout: 60_000,
    maxReport: 1024 * 1024,
    maxImage: 1024 * 1024 * 1024,
  };
  return {
    directory,
    config,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
