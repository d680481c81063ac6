import {
  type Digest,
  fallbackTag,
  jsonShape,
  maxJsonDepth,
  maxJsonKeys,
  maxManifestBytes,
  mediaTypes,
  parseDigest,
} from '../../oci/index.ts';
import { importFailed } from '../failure.ts';
import type { RegistryClient, WholeAnswer } from './registry-client.ts';

/** Pages of one list. */
const mostPages = 100;

/**
 * What a registry says refers to a manifest (distribution-spec "Listing Referrers"), and where it does not know the question,
 * what the index under the fallback tag lists. Whether it does refer to it is for the manifests to say.
 */
export async function* listRemoteReferrers(
  client: RegistryClient,
  repository: string,
  subject: Digest,
): AsyncIterable<{ digest: Digest }> {
  const options = { accept: mediaTypes.ociIndex, maxBytes: maxManifestBytes };
  const first = await client.read(`referrers/${subject}`, options);
  if (!isIndex(first)) {
    const fallback = await client.read(`manifests/${fallbackTag(subject)}`, options);
    if (fallback.status === 200) yield* digestsOf(fallback, client.host);
    return;
  }
  let page = first;
  for (let pages = 1; ; pages++) {
    yield* digestsOf(page, client.host);
    const next = nextOf(page, repository);
    if (next === undefined) return;
    if (pages === mostPages) throw importFailed(`${client.host} lists more referrers of ${subject} than are read`);
    page = await client.read(next, options);
    if (!isIndex(page)) throw importFailed(`${client.host} broke off its list of what refers to ${subject}`);
  }
}

/** Servers that do not know the question answer with anything. */
function isIndex({ status, headers }: WholeAnswer): boolean {
  return status === 200 && headers.get('content-type')?.split(';', 1)[0]!.trim() === mediaTypes.ociIndex;
}

function digestsOf({ bytes }: WholeAnswer, host: string): { digest: Digest }[] {
  const bad = (cause?: unknown) => importFailed(`${host} lists referrers in a form that is none`, cause);
  const text = new TextDecoder().decode(bytes);
  const { depth, keys } = jsonShape(text);
  if (depth > maxJsonDepth || keys > maxJsonKeys) throw bad();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw bad(error);
  }
  const { manifests } = (parsed ?? {}) as { manifests?: unknown };
  if (!Array.isArray(manifests)) throw bad();
  return manifests.map((entry) => {
    const { digest } = (entry ?? {}) as { digest?: unknown };
    const found = typeof digest === 'string' ? parseDigest(digest) : undefined;
    if (!found) throw bad();
    return { digest: found };
  });
}

/** The next page (RFC 8288), below the same repository: where else it leads is not for an answer to say. */
function nextOf({ headers }: WholeAnswer, repository: string): string | undefined {
  const link = /<([^<>]{1,4096})>\s*;[^,]{0,256}\brel="?next"?/.exec(headers.get('link') ?? '')?.[1];
  if (link === undefined || !URL.canParse(link, 'http://registry')) return undefined;
  const { pathname, search } = new URL(link, `http://registry/v2/${repository}/referrers/`);
  const prefix = `/v2/${repository}/referrers/`;
  return pathname.startsWith(prefix) ? `referrers/${pathname.slice(prefix.length)}${search}` : undefined;
}
