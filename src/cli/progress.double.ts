import { createContext } from './context.ts';
import { withProgress } from './progress.ts';

/* Long work at a terminal, which is said to have ended on standard output. The argument is how long it takes (ms). */

const context = createContext(process, {});
await withProgress(context, 'Importing', async (progress) => {
  const end = Date.now() + Number(process.argv[2]);
  for (let step = 0; Date.now() < end; step++) {
    progress.at(`layer ${step}`, Math.min(0.9, step / 20));
    await Bun.sleep(50);
  }
});
context.write('{"done":true}');
