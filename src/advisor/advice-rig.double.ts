import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'bun:test';
import { openCli } from '../../test/support/cli.ts';
import { managementOf } from '../../test/support/management.ts';
import { type StartOptions, startTestApp } from '../../test/support/server.ts';
import type { Recommendation } from './index.ts';

export interface Advice extends Recommendation {
  id: string;
  name: string;
}

const dayMs = 86_400_000;

/** A server, its commands, and what they advise. `file`: the text of its configuration. */
export async function openAdviceRig({ file, ...options }: StartOptions & { file?: string | undefined } = {}) {
  await using stack = new AsyncDisposableStack();
  const configuration = file === undefined ? undefined : await writeFileFor(stack, file);
  const server = stack.use(await startTestApp({ ...options, ...(configuration && { file: configuration }) }));
  const bonded = stack.use(await openCli(server));
  const { db } = server.app.storage;
  const owned = stack.move();

  async function advice(check: string): Promise<Advice[]> {
    const ran = await bonded('bonded advise -o json');
    if (ran.code !== 0) throw new Error(ran.error);
    return (ran.json() as Advice[]).filter(({ extendedProperties }) => extendedProperties.check === check);
  }

  return {
    server,
    bonded,
    manage: managementOf(server.url),
    advice,
    /** Runs the commands of what a check has found, as they are printed, until nothing is left. */
    async fix(check: string): Promise<void> {
      for (let [next] = await advice(check); next; [next] = await advice(check)) {
        const { commands } = next.remediation;
        expect(commands).not.toBeEmpty();
        for (const command of commands) {
          const { code, error } = await bonded(command);
          expect({ command, code, error }).toMatchObject({ command, code: 0 });
        }
        const left = await advice(check);
        expect(left.map(({ name }) => name)).not.toContain(next.name);
      }
    },
    /** Makes everything as many days older; the processes that follow resources see it anew. */
    async age(days: number): Promise<void> {
      const ms = days * dayMs;
      await db.write(async (tx) => {
        await tx.run('UPDATE passwords SET created_at = created_at - ?, last_used_at = last_used_at - ?', [ms, ms]);
        // Not `created_at`: the principal ids of identities are made of it.
        await tx.run('UPDATE resources SET updated_at = updated_at - ?', [ms]);
        const { value } = (await tx.first<{ value: number }>('SELECT value FROM resource_clock', []))!;
        const rows = await tx.all<{ key: string }>('SELECT "key" FROM resources ORDER BY "key"', []);
        for (const [at, { key }] of rows.entries()) {
          await tx.run('UPDATE resources SET stamp = ? WHERE "key" = ?', [value + 1 + at, key]);
        }
        await tx.run('UPDATE resource_clock SET value = ?', [value + rows.length]);
      });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function writeFileFor(stack: AsyncDisposableStack, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-advice-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'bonded.yaml');
  await writeFile(path, text);
  return path;
}

export type AdviceRig = Awaited<ReturnType<typeof openAdviceRig>>;

/** Until it holds; rejects after a while. */
export async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  for (const until = Date.now() + 45_000; Date.now() < until; await Bun.sleep(50)) if (await holds()) return;
  throw new Error('it does not come about');
}
