import { scanType } from '../../../scanning/index.ts';
import { shownQuoted } from '../../output/index.ts';
import { imageCommand, scanAt } from './image-command.ts';

/** `bonded sbom IMAGE`. */
export const sbom = imageCommand({
  brief: 'Write what is in an image as CycloneDX',
  details:
    'Writes the packages of an image as CycloneDX 1.6, in JSON: what they are, which file of which layer says so, and under which ' +
    'licences. The same image gives the same document.',
  examples: ['sbom prod/app:v1 > app.cdx.json', "sbom prod/app:v1 --query 'components[].purl' -o tsv"],
  async run({ client, context }, image, { output, query }) {
    const answer = await client.action(scanType, scanType.actions.sbom, scanAt(image));
    const { sbom: text } = answer as { sbom: string };
    if (output !== undefined || query !== undefined) return JSON.parse(text) as unknown;
    context.write(shownQuoted(text.trimEnd()));
    return undefined;
  },
});
