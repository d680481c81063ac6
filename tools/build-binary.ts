/*
 * npm run build:binary [-- FILE]: the program with its Bun in one file, dist/bonded by default, and beside it the
 * licences of what is in it.
 * npm run build:binary -- --root DIRECTORY: that, in a root file system with all that it needs, for deploy/Containerfile.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fillRoot } from './binary-root.ts';
import { licencesOf } from './licences.ts';

const root = join(import.meta.dir, '..');
const { values, positionals } = parseArgs({ options: { root: { type: 'string' } }, allowPositionals: true });
const image = values.root === undefined ? undefined : resolve(values.root);
const outfile = image ? join(image, 'usr/bin/bonded') : resolve(positionals[0] ?? join(root, 'dist', 'bonded'));
const licences = image ? join(image, 'usr/share/doc/bonded/LICENSES') : `${outfile}.licenses`;
await mkdir(dirname(outfile), { recursive: true });
const built = await Bun.build({
  entrypoints: [join(root, 'src', 'main.ts')],
  // Names stay: the log shows them, and the thread of database/checkpoint.ts starts from its source text.
  minify: { whitespace: true, syntax: true },
  sourcemap: 'inline',
  // Parsed here once rather than at every start, which halves the time until the first answer.
  bytecode: true,
  format: 'esm',
  metafile: true,
  compile: {
    outfile,
    // The same as bin/bonded gives to Bun.
    execArgv: ['--max-http-header-size=65536'],
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
});
for (const message of built.logs) console.error(message.message);
// What is needed of the source map is in the binary.
await rm(`${outfile}.map`, { force: true });
await Bun.write(licences, await licencesOf(root, Object.keys(built.metafile!.inputs)));
if (image) await fillRoot(image, outfile);
console.log(outfile);
