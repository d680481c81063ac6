import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CannotRun, type ClientTest, type Stage } from './client-test.ts';
import { hasTool, run } from './command.ts';
import type { Images } from './images.ts';
import type { Registry } from './registry.ts';
import type { Sandbox } from './sandbox.ts';

export type Outcome =
  | { kind: 'passed'; seconds: number }
  | { kind: 'failed'; seconds: number; reason: string }
  | { kind: 'skipped'; reason: string }
  | { kind: 'absent'; reason: string };

export interface Setting {
  registry: Registry;
  images: Images;
  sandbox: Sandbox;
}

/** Runs one test in a folder of its own and says what became of it. */
export async function runTest(test: ClientTest, { registry, images, sandbox }: Setting): Promise<Outcome> {
  const hindrance = hindranceOf(test);
  if (hindrance !== undefined) return { kind: test.extra ? 'absent' : 'skipped', reason: hindrance };
  const folder = await mkdtemp(join(sandbox.directory, 'test-'));
  const { environment } = sandbox;
  const stage: Stage = {
    registry,
    images,
    folder,
    environment,
    run: (command, options) => run(command, { environment, cwd: folder, ...options }),
  };
  await sandbox.logIn(registry.url, registry.data);
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  try {
    await test.run(stage);
    // A client that tries again hides that the registry failed.
    const [error] = await registry.errors();
    if (error !== undefined) throw new Error(`the client is content, but the registry logged an error: ${error}`);
    return { kind: 'passed', seconds: seconds() };
  } catch (error) {
    if (error instanceof CannotRun) return { kind: 'skipped', reason: error.message };
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { kind: 'failed', seconds: seconds(), reason: [reason, ...(await registry.errors())].join('\n') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function hindranceOf({ needs, root }: ClientTest): string | undefined {
  const missing = needs.filter((name) => !hasTool(name));
  if (missing.length > 0) return `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed`;
  if (root && process.getuid?.() !== 0) return 'only root can run it';
  return undefined;
}
