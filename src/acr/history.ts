import { findRepository, listTagHistory, restoreTag, type TagMove } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { answerList } from '../memory/index.ts';
import { isTag, requireDigest } from '../oci/index.ts';
import { askerOf, type Attributes, type Exchange } from './exchange.ts';
import { nextLink, pageOf } from './page.ts';
import { sourceOf } from './render.ts';
import { requireRepository, requireSame } from './repositories.ts';
import { answerTag, unknownTag } from './tags.ts';

type TagRoute = { name: string; tag: string };

/** About as many bytes as a move has in JSON. */
const moveBytes = 400;

/** `GET /acr/v1/{name}/_tags/{tag}/_history`, ours: where a tag was, the latest first, also after it was deleted. */
export function listHistory(attributes: Attributes, exchange: Exchange, { name, tag }: TagRoute): Promise<Response> {
  return answerList(attributes.listMemory, exchange, async (share) => {
    const asked = pageOf(exchange.query);
    const { n } = asked;
    const before = entryOf(asked.last);
    // Also where every manifest was deleted: then somebody may want to know by whom.
    const repository = requireSame(exchange, name, await findRepository(attributes.catalog, exchange.registryId, name));
    if (!isTag(tag)) throw unknownTag(tag);
    share.take((n + 1) * moveBytes);
    const found = await listTagHistory(attributes.catalog, repository, tag, { before, limit: n + 1 });
    const page = found.slice(0, n);
    const end = page.at(-1);
    const path = `/acr/v1/${name}/_tags/${tag}/_history`;
    return {
      body: { ...sourceOf(exchange, name), tag, history: page.map(renderMove) },
      headers: end && found.length > n ? nextLink(path, asked, { name: String(end.id) }) : {},
    };
  });
}

/** The entry after which a page begins. */
function entryOf(last: string): number | undefined {
  if (last === '') return undefined;
  if (/^[0-9]{1,15}$/.test(last)) return Number(last);
  throw new RegistryError('BAD_REQUEST', {
    message: 'last must be the id of an entry of the history',
    detail: { last: last.slice(0, 32) },
  });
}

function renderMove({ id, digest, at, by, isThere }: TagMove) {
  return {
    id: String(id),
    action: digest === undefined ? 'deleted' : 'moved',
    ...(digest !== undefined && { digest, manifestExists: isThere }),
    time: new Date(at).toISOString(),
    ...(by && { by }),
  };
}

const mostBytes = 4096;

/**
 * `POST /acr/v1/{name}/_tags/{tag}/_undelete`, ours: brings a tag back to where it was, or to `digest`, where it was before.
 * `force` moves one that is there.
 */
export async function undeleteTag(
  attributes: Attributes,
  exchange: Exchange,
  { name, tag }: TagRoute,
): Promise<Response> {
  const repository = await requireRepository(attributes, exchange, name);
  if (!isTag(tag)) throw unknownTag(tag);
  const wanted = optionsOf(await exchange.bytes(mostBytes));
  const { catalog } = attributes;
  await restoreTag({ ...catalog, by: askerOf(exchange).by }, repository, tag, wanted);
  return answerTag(attributes, exchange, repository, tag);
}

/** The body, which may be empty. */
function optionsOf(bytes: Uint8Array) {
  const body = bytes.byteLength === 0 ? {} : parsed(bytes);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw malformed();
  const { digest, force, ...unknown } = body as Record<string, unknown>;
  const wrong = Object.keys(unknown)[0];
  if (wrong !== undefined) throw malformed(wrong);
  if (digest !== undefined && typeof digest !== 'string') throw malformed('digest');
  if (force !== undefined && typeof force !== 'boolean') throw malformed('force');
  return { digest: digest === undefined ? undefined : requireDigest(digest), force };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw malformed();
  }
}

function malformed(field?: string): RegistryError {
  return new RegistryError('BAD_REQUEST', {
    message: 'the body is a JSON object; it may have "digest", a digest, and "force", true or false',
    ...(field !== undefined && { detail: { field: field.slice(0, 64) } }),
  });
}
