import { z } from 'zod';
import { proposeRepositories } from '../../completion/propose.ts';
import { catalogScope, repositoryOf, repositoryScope } from '../../content/index.ts';
import { requiredText, textFlag } from '../flags.ts';
import { contentCommand } from './command.ts';
import { topFlag } from './lists.ts';

interface QueryFlags {
  repository?: string;
  kqlQuery: string;
  skipToken?: string;
  top?: number;
}

const answer = z.looseObject({
  count: z.number(),
  $skipToken: z.string(),
  data: z.array(z.record(z.string(), z.unknown())),
});

/** Rows of one page. */
const largestPage = 1000;

/** `acr query`, as `az acr query`: a page of rows, or with --top as many as that. */
export const query = contentCommand<QueryFlags>({
  brief: 'Search the manifests of a registry or of a repository',
  details:
    'Searches what is known of manifests, by a query in a part of the language of Kusto: Manifests | where … | project …. ' +
    'The answer is a page, with a $skipToken where there is more; --top reads on until there are so many rows. Tables show ' +
    'the rows. The owner of the registry has to have enabled it: acr update --allow-metadata-search.',
  examples: [
    'acr query -q "Manifests | limit 1"',
    'acr query --repository team/app -q "Manifests | order by createdAt desc" --top 20 -o table',
    `acr query -n teamb -q "Manifests | where annotations['org.opencontainers.image.vendor'] == 'Example' | project repository, digest"`,
    'acr query -q "Manifests | summarize count() by repository" --query "data[].repository" -o tsv',
  ],
  flags: {
    repository: {
      ...textFlag,
      placeholder: 'repository',
      brief: 'Only of this one (default: all whose metadata you may read)',
      proposeCompletions: proposeRepositories(),
    },
    kqlQuery: { ...requiredText, placeholder: 'query', brief: 'The query' },
    skipToken: { ...textFlag, placeholder: 'token', brief: 'Go on where the answer with this $skipToken has ended' },
    ...topFlag,
  },
  aliases: { q: 'kqlQuery' },
  rows: (value) => (value as z.infer<typeof answer>).data,
  async run({ client }, { repository: named, kqlQuery, skipToken, top }) {
    const repository = named === undefined ? undefined : repositoryOf('--repository', named);
    const at = repository === undefined ? '' : `${repository}/`;
    const scope = repository === undefined ? catalogScope : repositoryScope(repository, 'metadata_read');
    const data: Record<string, unknown>[] = [];
    for (let token = skipToken; ;) {
      const options = {
        ...(token !== undefined && { $skipToken: token }),
        ...(top !== undefined && { $top: Math.min(top - data.length, largestPage) }),
      };
      const body = { query: kqlQuery, ...(Object.keys(options).length > 0 && { options }) };
      const page = await client.json({ method: 'POST', path: `/acr/v1/${at}_metadata/_query`, scope, body, answer });
      data.push(...page.data);
      token = page.$skipToken;
      if (token === '' || top === undefined || data.length >= top) return { ...page, count: data.length, data };
    }
  },
});
