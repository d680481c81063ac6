import { buildRouteMap } from '@stricli/core';
import { listScans, scanningType, scanType } from '../../../scanning/index.ts';
import { UsageError } from '../../failure.ts';
import { manageCommand } from '../command.ts';
import { registryFlag, type RegistryFlag, requiredText, textFlag } from '../flags.ts';
import { flat } from '../present.ts';
import { allWords, wordsFlag } from '../words.ts';
import { changes } from './changes.ts';
import { failed } from './failed.ts';
import { imageCommand, scanAt } from './image-command.ts';
import { reportOf } from './report.ts';

const show = imageCommand({
  brief: 'Show the scan of an image',
  details:
    'Says whether an image has been scanned, what could not be read of it, and how many vulnerabilities are known.',
  examples: ['scan show prod/app:v1', 'scan show prod/app:v1 --query summary.critical -o tsv'],
  report: reportOf,
  run: async ({ client }, image) => ({ image: image.name, ...flat(await client.get(scanType, scanAt(image))) }),
});

const start = imageCommand<{ wait?: boolean }>({
  brief: 'Have an image scanned before others',
  details:
    'Asks for an image to be scanned, also one that was given up after it had failed. Layers that were read are not read again.',
  examples: ['scan start prod/app:v1', 'scan start prod/app:v1 --wait'],
  flags: {
    wait: {
      kind: 'boolean',
      optional: true,
      withNegated: false,
      brief: 'Wait until it has ended, of an index until all of its images have',
    },
  },
  report: reportOf,
  async run({ client }, image, { wait }) {
    await client.action(scanType, scanType.actions.start, scanAt(image));
    for (;;) {
      const scan = await client.get(scanType, scanAt(image));
      if (!wait || !isUnderWay(scan.properties as unknown as ShownState)) return { image: image.name, ...flat(scan) };
      await Bun.sleep(500);
    }
  },
});

interface ShownState {
  state: string;
  children?: readonly { state: string }[];
}

/** An index is nothing that is scanned: it waits for its images. */
const isUnderWay = ({ state, children = [] }: ShownState): boolean =>
  [state, ...children.map((child) => child.state)].some((one) => one === 'Pending' || one === 'Running');

interface ListFlags extends RegistryFlag {
  repository: string;
  state?: string;
}

const list = manageCommand<ListFlags>({
  brief: 'List the scans of the images of a repository',
  details: 'Lists the images of a repository with how far their scans are and what they have found, by digest.',
  examples: ['scan list --repository prod/app -o table', 'scan list --repository prod/app --state Failed'],
  flags: {
    repository: { ...requiredText, placeholder: 'repository', brief: 'Repository' },
    state: { ...textFlag, placeholder: 'state', brief: 'Only those: Pending, Running, Done, Failed, NotScannable' },
    ...registryFlag,
  },
  aliases: { r: 'registry' },
  columns: {
    Digest: 'digest',
    Tags: "join(', ', tags)",
    State: 'state',
    Status: "status || ''",
    Critical: 'summary.critical',
    High: 'summary.high',
    Medium: 'summary.medium',
    Fixable: 'summary.fixable',
    Scanned: "scannedTime || ''",
  },
  async run({ client, registry }, flags) {
    const at = [await registry(flags.registry), 'default'];
    const scans: Scan[] = [];
    for (let after: string | undefined; ;) {
      const input = { repository: flags.repository, ...(after !== undefined && { after }) };
      const page = (await client.action(scanningType, listScans, at, input)) as { scans: Scan[]; next?: string };
      scans.push(...page.scans);
      if ((after = page.next) === undefined) break;
    }
    const wanted = flags.state?.toLowerCase();
    return wanted === undefined ? scans : scans.filter(({ state }) => state.toLowerCase() === wanted);
  },
});

interface Scan {
  digest: string;
  state: string;
}

const statusColumns = {
  Waiting: 'queued',
  Running: 'running',
  Failed: 'failed',
  OldestRequest: "oldestRequestTime || ''",
  SbomRepositories: "join(', ', sbomRepositories)",
};

const status = manageCommand<RegistryFlag>({
  brief: 'Show what waits to be scanned',
  details:
    'Says how many images of the server wait to be scanned, since when, and how many could not be, up to ten thousand each; and in ' +
    'which repositories SBOMs are put beside images.',
  examples: ['scan status', 'scan status --query failed -o tsv'],
  flags: registryFlag,
  aliases: { r: 'registry' },
  columns: statusColumns,
  run: async ({ client, registry }, flags) =>
    flat(await client.get(scanningType, [await registry(flags.registry), 'default'])),
});

const update = manageCommand<RegistryFlag & { sbomRepository?: (readonly string[])[] }>({
  brief: 'Say in which repositories SBOMs are put beside images',
  details:
    'Says which repositories have the SBOM of each image as a referrer: names, PREFIX/* or *; what begins with ! is left out. It ' +
    'replaces what was said before; none says that there are none.',
  examples: ["scan update --sbom-repository 'prod/*' '!prod/private'", 'scan update --sbom-repository none'],
  flags: {
    sbomRepository: { ...wordsFlag, placeholder: 'repository…', brief: 'Repositories, PREFIX/* or *, or none' },
    ...registryFlag,
  },
  aliases: { r: 'registry' },
  columns: statusColumns,
  async run({ client, registry }, { sbomRepository, registry: of }) {
    const named = allWords(sbomRepository);
    if (named === undefined) throw new UsageError('--sbom-repository says which repositories, or none');
    const sbomRepositories = named.filter((one) => one !== 'none');
    return flat(await client.put(scanningType, [await registry(of), 'default'], { properties: { sbomRepositories } }));
  },
});

export const scanRoutes = buildRouteMap({
  routes: { show, start, changes, list, failed, status, update },
  docs: { brief: 'Scans of images' },
});
