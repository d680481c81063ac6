import { registries } from '../peers/contenders.ts';
import { peerOf, type Row, type Shape } from '../shape.ts';
import { readZbOptions } from '../zb/options.ts';
import { type Images, imageWith, runTest } from '../zb/run-test.ts';
import { sizes, sparseBlob } from '../zb/sizes.ts';
import { summaryOf } from '../zb/summary.ts';
import { tests } from '../zb/tests.ts';

const connections = 10;
const requests = 40;
const names = new Set([
  'Push Monolith 1MB',
  'Push Chunk Streamed 10MB',
  'Pull 10MB',
  'Pull 75% and Push 25% Mixed 1MB',
]);
const chosen = tests.filter(({ name }) => names.has(name));

export const zb: Shape = {
  name: 'zb',
  about: `Some tests of zb (\`npm run bench:zb\` has them all) with its \`-c ${connections} -n ${requests}\`: a request is a whole push or pull.`,
  contenders: ['bonded', ...registries],
  needs: [],
  rounds: 2,
  rows: chosen.flatMap(({ name }): Row[] => [
    { key: `${name} rate`, what: name, unit: '1/s', better: 'more' },
    { key: `${name} p99`, what: `${name}, 99th percentile`, unit: 'ms', better: 'less' },
  ]),
  async measure(situation, contender) {
    const { url } = peerOf(situation, contender);
    const count = Math.max(4, Math.round(requests * situation.scale.crowd));
    const options = readZbOptions(['-c', `${Math.min(count, connections)}`, '-n', `${count}`, '-r', 'zb', url]);
    const images: Images = {
      '1MB': imageWith(sparseBlob(sizes['1MB'])),
      '10MB': imageWith(sparseBlob(sizes['10MB'])),
      // None of these tests has one.
      '100MB': imageWith(sparseBlob(sizes['1MB'])),
    };
    const figures: Record<string, number> = {};
    for (const test of chosen) {
      const { requestsPerSecond, latencies, failed, errors } = summaryOf(await runTest(test, images, options));
      if (failed > 0) throw new Error(`${test.name}: ${Object.keys(errors).join(', ')}`);
      figures[`${test.name} rate`] = requestsPerSecond;
      figures[`${test.name} p99`] = latencies.p99;
    }
    return figures;
  },
};
