import { listFailed, listFailedInput, scanningType, scanType } from '../../../scanning/index.ts';
import { manageCommand } from '../command.ts';
import { registryFlag, type RegistryFlag } from '../flags.ts';

interface FailedImage {
  repository: string;
  digest: string;
  tags: string[];
  attempts: number;
  error?: string;
}

/** `bonded scan failed`. */
export const failed = manageCommand<RegistryFlag & { retry?: boolean }>({
  brief: 'List the images that could not be scanned',
  details:
    'Lists the images of a registry whose scan has failed each time and was given up, with the reason of the last attempt. With ' +
    '--retry all of them are scanned again.',
  examples: ['scan failed -o table', 'scan failed --retry', 'scan failed --query "[].error" -o tsv'],
  flags: {
    retry: { kind: 'boolean', optional: true, withNegated: false, brief: 'Have all of them scanned again' },
    ...registryFlag,
  },
  aliases: { r: 'registry' },
  columns: {
    Repository: 'repository',
    Tags: "join(', ', tags)",
    Digest: 'digest',
    Attempts: 'attempts',
    Requested: 'requestedTime',
    Error: "error || ''",
  },
  async run({ client, registry, note }, { registry: named, retry }) {
    const of = await registry(named);
    const images: FailedImage[] = [];
    for (let after: number | undefined; ;) {
      const input = listFailedInput.parse({ after, top: 200 });
      const page = (await client.action(scanningType, listFailed, [of, 'default'], input)) as {
        images: FailedImage[];
        next?: number;
      };
      images.push(...page.images);
      if ((after = page.next) === undefined) break;
    }
    if (images.length === 0) note('No scan was given up.');
    // An image is scanned once, in however many repositories it is.
    const distinct = new Map(images.map((image) => [image.digest, image]));
    if (retry) {
      for (const { repository, digest } of distinct.values())
        await client.action(scanType, scanType.actions.start, [of, repository, digest, 'latest']);
      if (distinct.size > 0) note(`${distinct.size} ${distinct.size === 1 ? 'is' : 'are'} scanned again.`);
    }
    return images;
  },
});
