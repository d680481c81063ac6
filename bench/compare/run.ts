/*
 * npm run compare [-- IMAGE… --cache DIR --trivy FILE --syft FILE --grype FILE --rebuild]: lists the packages of six images that it makes
 * on this machine, by the inventory of the server, by Trivy and by Syft, and prints every difference. With all images, it
 * writes docs/reference/inventory-comparison.md. It fails where a difference is explained by no rule of rules.ts. With the image
 * of Python it also has a server ask Trivy and Grype as engines, by data made for that.
 *
 * Needs root, Debian, and mmdebstrap, umoci, skopeo, unshare, go, npm, pip and mvn with a way to their packages. The first run takes
 * half an hour and some 10 GB: images and programs are kept in the cache (~/.cache/bonded-compare), outside of the checkout.
 */
import { mkdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { hasTool } from '../../test/clients/command.ts';
import { readOptions } from '../../test/runner/options.ts';
import { buildBase, buildImage } from './build-image.ts';
import { compareLists } from './differences.ts';
import { askEngines } from './engines/ask-engines.ts';
import { type Compared, explain, sentenceOf } from './explain.ts';
import { recipes } from './images/index.ts';
import { writeJavaIndex } from './java-index.ts';
import { findProgram, listers, type ProgramName, programs } from './programs.ts';
import { readOwn } from './read-own.ts';
import { render, type RenderedImage } from './render.ts';
import { purlRules, rules } from './rules.ts';
import { listByProgram } from './run-programs.ts';

const page = 'docs/reference/inventory-comparison.md';
const { values, positionals } = await readOptions(import.meta.path, {
  allowPositionals: true,
  options: {
    cache: { type: 'string' },
    trivy: { type: 'string' },
    syft: { type: 'string' },
    grype: { type: 'string' },
    rebuild: { type: 'boolean' },
  },
});
const unknown = positionals.find((name) => !recipes.some((recipe) => recipe.name === name));
const missing = ['mmdebstrap', 'umoci', 'unshare', 'go', 'npm', 'python3', 'mvn', 'skopeo'].filter(
  (tool) => !hasTool(tool),
);
if (unknown !== undefined || missing.length > 0) {
  console.error(
    unknown === undefined
      ? `these are not installed: ${missing.join(', ')}`
      : `there is no image ${unknown}; there are ${recipes.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}
const cache = values.cache ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bonded-compare');
const pathOf = async (name: ProgramName) => values[name] ?? (await findProgram(name, cache));
const chosen = recipes.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

const isMade = (layout: string) =>
  stat(join(layout, 'index.json')).then(
    () => true,
    () => false,
  );
await mkdir(cache, { recursive: true });
const base = join(cache, 'images', 'base');
if (values.rebuild || !(await isMade(base))) await buildBase(base, join(cache, 'work'));
for (const recipe of chosen) {
  const layout = join(cache, 'images', recipe.name);
  if (!values.rebuild && (await isMade(layout))) continue;
  console.log(`making ${recipe.name}`);
  await buildImage(recipe, { layout, work: join(cache, 'work'), base });
}
const isPublished = await writeJavaIndex(join(cache, 'trivy-cache'));

const images: RenderedImage[] = [];
const all: Compared[] = [];
for (const { name: image, about } of chosen) {
  const layout = join(cache, 'images', image);
  const own = await readOwn(layout);
  images.push({ name: image, about, ...own.size, warnings: own.warnings.length });
  for (const program of listers) {
    const theirs = await listByProgram(program, { path: await pathOf(program), layout, directory: cache });
    all.push({ image, program, ours: own.listed, theirs, ...compareLists(own.listed, theirs) });
  }
}

const outcome = explain(all, { rules, purlRules, facts: { isPublished } });
for (const { image, program, ours, theirs, common, differences } of all) {
  console.log(`${image}, ${programs[program].title}: ${ours.length} and ${theirs.length}, ${common.length} the same`);
  for (const difference of differences) console.log(`  ${sentenceOf(difference)}`);
}
const idle =
  positionals.length === 0 ? rules.filter((rule) => !outcome.explained.some((one) => one.rule === rule)) : [];
for (const { title } of idle) console.log(`this rule explains nothing: ${title}`);
for (const line of outcome.unexplained) console.log(`not explained: ${line}`);
const python = join(cache, 'images', 'python');
const engines = chosen.some(({ name }) => name === 'python')
  ? await askEngines(
      { trivy: await pathOf('trivy'), grype: await pathOf('grype') },
      { layout: python, directory: join(cache, 'engines') },
    )
  : [];
for (const line of engines) console.log(line);
const failed = engines.length + outcome.unexplained.length + idle.length;
if (failed === 0 && positionals.length === 0) {
  await Bun.write(join(import.meta.dir, '..', '..', page), render(images, all, outcome));
  console.log(`written to ${page}`);
}
console.log(`${all.length} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 ? 1 : 0;
