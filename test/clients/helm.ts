import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientTest } from './client-test.ts';
import { runFailing } from './command.ts';
import { digestOf } from './content.ts';
import { pull, same } from './pull.ts';

const needs = ['helm'];
const plain = '--plain-http';

export const helm: ClientTest[] = [
  {
    name: 'pushes a chart, shows it, renders it and pulls the same bytes',
    needs,
    async run({ registry, folder, run }) {
      const remote = `oci://${registry.host}/helm/charts`;
      await run(['helm', 'create', 'demo']);
      for (const version of ['1.2.3', '1.3.0+build.7']) {
        await run(['helm', 'package', 'demo', '--version', version]);
        await run(['helm', 'push', plain, `demo-${version}.tgz`, remote]);
      }
      const content = await pull(registry.url, 'helm/charts/demo', '1.2.3');
      const chart = await readFile(join(folder, 'demo-1.2.3.tgz'));
      same('the chart is a blob of the artifact', content.blobs.get(digestOf(chart)), chart.length);
      const shown = await run(['helm', 'show', 'chart', plain, `${remote}/demo`, '--version', '1.2.3']);
      same('version', /^version: (.*)$/m.exec(shown.stdout)?.[1], '1.2.3');
      // Helm lists tags to find the newest version, and writes + as _ in a tag.
      const newest = await run(['helm', 'show', 'chart', plain, `${remote}/demo`]);
      same('newest version', /^version: (.*)$/m.exec(newest.stdout)?.[1], '1.3.0+build.7');
      const rendered = await run(['helm', 'template', plain, 'release', `${remote}/demo`, '--version', '1.2.3']);
      same('renders a Deployment', rendered.stdout.includes('kind: Deployment'), true);
      await mkdir(join(folder, 'back'));
      await run(['helm', 'pull', plain, `${remote}/demo`, '--version', '1.2.3', '--destination', 'back']);
      same('chart', digestOf(await readFile(join(folder, 'back', 'demo-1.2.3.tgz'))), digestOf(chart));
    },
  },
  {
    name: 'says that a chart does not exist, where no repository does either',
    needs,
    async run({ registry, environment }) {
      const chart = `oci://${registry.host}/helm/nothing/here`;
      const complaint = await runFailing(['helm', 'pull', plain, chart, '--version', '1.0.0'], { environment });
      same('says not found', /not found/i.test(complaint), true);
    },
  },
];
