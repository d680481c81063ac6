/*
 * npm run build:binary [-- FILE]: the program with its Bun in one file, dist/bonded by default. It needs nothing else.
 */
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const root = join(import.meta.dir, '..');
const outfile = resolve(process.argv[2] ?? join(root, 'dist', 'bonded'));
await mkdir(dirname(outfile), { recursive: true });
const built = await Bun.build({
  entrypoints: [join(root, 'src', 'main.ts')],
  // Names stay: the log shows them, and the thread of database/checkpoint.ts starts from its source text.
  minify: { whitespace: true, syntax: true },
  sourcemap: 'inline',
  compile: {
    outfile,
    // The same as bin/bonded gives to Bun.
    execArgv: ['--max-http-header-size=65536'],
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
});
for (const message of built.logs) console.error(message.message);
console.log(outfile);
