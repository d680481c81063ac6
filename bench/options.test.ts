import { expect, test } from 'bun:test';
import { join } from 'node:path';

test.each([
  ['run.ts', '--rounds', 'abc'],
  ['run.ts', '--rounds', '0'],
  ['scale/run.ts', '--size', 'many'],
  ['scale/run.ts', '--database', 'mysql'],
])('%s says of %s %s that it is wrong, before it measures anything', async (script, flag, value) => {
  const run = Bun.spawn([process.execPath, join(import.meta.dir, script), flag, value], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = await new Response(run.stderr).text();
  expect(await run.exited).toBe(2);
  expect(said).toStartWith(`${flag} ${value}: must be `);
});
