import { buildRouteMap } from '@stricli/core';
import { z } from 'zod';
import { type ContentClient, repositoryScope } from '../../content/index.ts';
import { UsageError } from '../../failure.ts';
import { requiredText } from '../flags.ts';
import { readText } from '../read-text.ts';
import { contentCommand } from './command.ts';
import { subjectAliases as aliases, type SubjectFlags, subjectFlags, subjectOf } from './subject.ts';

interface KeyFlags extends SubjectFlags {
  key: string;
}

const keyForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const key = { ...requiredText, placeholder: 'key', brief: 'Up to 128 letters, digits, . _ and -' } as const;
const keys = z.looseObject({ metadata: z.array(z.string()).nullish() });
const json = 'application/json';
/** What a server takes (bytes). */
const longestValue = 4096;

const list = contentCommand<SubjectFlags>({
  brief: 'List the keys of the metadata of a repository or an image',
  examples: ['acr metadata list --image team/app:v1', 'acr metadata list -n teamb --repository team/app -o tsv'],
  flags: subjectFlags,
  aliases,
  async run({ client }, flags) {
    const { path, scope } = placeOf(flags, 'metadata_read');
    return (await client.json({ path, scope, answer: keys })).metadata ?? [];
  },
});

const show = contentCommand<KeyFlags>({
  brief: 'Show a value of the metadata of a repository or an image',
  examples: [
    'acr metadata show --image team/app:v1 --key ticket',
    'acr metadata show -t team/app:v1 --key ticket -o tsv',
  ],
  flags: { ...subjectFlags, key },
  aliases,
  run: ({ client }, flags) => valueAt(client, flags),
});

const set = contentCommand<KeyFlags & { value: string; json: boolean }>({
  brief: 'Set a value of the metadata of a repository or an image',
  details:
    'Sets a text, or JSON, under a key. One that is there already is replaced. @FILE takes the content of a file.',
  examples: [
    'acr metadata set --image team/app:v1 --key ticket --value OPS-17',
    'acr metadata set --image team/app:v1 --key report --value @report.json --json',
  ],
  flags: {
    ...subjectFlags,
    key,
    value: { ...requiredText, placeholder: '@file|text', brief: 'Up to 4096 bytes' },
    json: { kind: 'boolean', default: false, withNegated: false, brief: 'The value is JSON' },
  },
  aliases,
  async run({ client }, flags) {
    const { path, scope } = placeOf(flags, 'metadata_write', 'metadata_read');
    const file = flags.value.startsWith('@') ? flags.value.slice(1) : undefined;
    const value = file === undefined ? flags.value : await readText('--value', file, longestValue);
    if (flags.json && !isJson(value)) throw new UsageError('--value is no JSON');
    const mediaType = flags.json ? json : 'text/plain';
    await client.send({ method: 'PUT', path, scope, text: { value, mediaType } });
    return valueAt(client, flags);
  },
});

const remove = contentCommand<KeyFlags>({
  brief: 'Delete a value of the metadata of a repository or an image',
  examples: ['acr metadata delete --image team/app:v1 --key ticket'],
  flags: { ...subjectFlags, key },
  aliases,
  async run({ client }, flags) {
    const { path, scope } = placeOf(flags, 'metadata_write', 'metadata_read');
    await client.send({ method: 'DELETE', path, scope });
  },
});

export const metadataRoutes = buildRouteMap({
  routes: { list, show, set, delete: remove },
  docs: { brief: 'Texts of your own, kept beside repositories and images' },
});

async function valueAt(client: ContentClient, flags: KeyFlags) {
  const { path, scope } = placeOf(flags, 'metadata_read');
  const answer = await client.send({ path, scope, accept: '*/*' });
  const text = await answer.text();
  const mediaType = (answer.headers.get('content-type') ?? '').split(';', 1)[0];
  return {
    key: flags.key,
    mediaType,
    value: mediaType === json && isJson(text) ? (JSON.parse(text) as unknown) : text,
  };
}

function placeOf(flags: SubjectFlags & { key?: string }, ...actions: ('metadata_read' | 'metadata_write')[]) {
  const { path, repository } = subjectOf(flags);
  if (flags.key !== undefined && !keyForm.test(flags.key)) {
    throw new UsageError(`--key ${JSON.stringify(flags.key)} is no key: up to 128 letters, digits, . _ and -`);
  }
  const scope = repositoryScope(repository, ...actions);
  return { path: `${path}/_metadata${flags.key === undefined ? '' : `/${flags.key}`}`, scope };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
