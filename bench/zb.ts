/*
 * npm run bench:zb -- [flags] URL: the tests of zb, the benchmark of the zot project, against any registry that asks
 * for no credentials, or for such as Basic authentication takes.
 *
 *   -c, --concurrency N        connections (1)
 *   -n, --requests N           requests of a test in all (1)
 *   -r, --repo NAME            what the names of repositories begin with
 *   -t, --test-regex REGEX     only tests whose name matches
 *   -l, --list-tests           names the tests
 *   -o, --output-format FORM   stdout or json
 *   -A, --auth-file FILE       `user:password`, in a file, as everybody on the machine sees what is typed here
 *       --skip-cleanup         leaves what was pushed
 *
 * A request is a whole push or pull. Times do not include preparing and cleaning up; zb's own totals do.
 */
import { readZbOptions, type ZbOptions } from './zb/options.ts';
import { print } from './zb/print.ts';
import { type Images, imageWith, runTest } from './zb/run-test.ts';
import { sizes, sparseBlob } from './zb/sizes.ts';
import { summaryOf } from './zb/summary.ts';
import { tests } from './zb/tests.ts';

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  const source = await Bun.file(import.meta.path).text();
  console.log(
    source
      .slice(2, source.indexOf('*/'))
      .replaceAll(/^ \* ?/gm, '')
      .trim(),
  );
  process.exit(0);
}
let options: ZbOptions;
try {
  options = readZbOptions(args);
} catch (error) {
  console.error(`${(error as Error).message}; --help lists what there is`);
  process.exit(2);
}

const chosen = tests.filter(({ name }) => options.only.test(name));
if (options.list) {
  for (const { name } of chosen) console.log(name);
  process.exit(0);
}
const text = options.output === 'stdout';
if (text) {
  console.log(`Registry URL:      ${options.url.origin}`);
  console.log(`Concurrency Level: ${options.concurrency}`);
  console.log(`Total requests:    ${options.requests}\n`);
}
const images: Images = {
  '1MB': imageWith(sparseBlob(sizes['1MB'])),
  '10MB': imageWith(sparseBlob(sizes['10MB'])),
  '100MB': imageWith(sparseBlob(sizes['100MB'])),
};
const summaries = [];
for (const test of chosen) {
  try {
    const summary = summaryOf(await runTest(test, images, options));
    summaries.push(summary);
    if (text) console.log(print(summary));
  } catch (error) {
    console.error(`${test.name}: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
if (!text) console.log(JSON.stringify(summaries, null, 2));
if (summaries.some(({ failed }) => failed > 0)) process.exitCode = 1;
