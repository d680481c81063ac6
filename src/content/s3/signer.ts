import {
  awsAuthorization,
  type AwsKey,
  awsKey,
  parseAwsAuthorization,
  type SignedRequest,
} from '../../outbound/index.ts';

/** How long others are signed in the likeness of a request, with its time (ms), before they are used. */
const likenessMs = 120_000;

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

/** Signs reads of objects. Range and If-Match are none of the headers that must be signed. */
export interface Signer {
  /** A GET of the object of this key. */
  sign(key: string): Promise<SignedRequest>;
  /** S3 has refused it: the next one is signed anew. */
  forget(refused: SignedRequest): void;
}

/** What is the same in the requests for all objects, until it is signed anew. */
interface Pattern {
  origin: string;
  /** Before the key. */
  path: string;
  query: string;
  headers: Readonly<Record<string, string>>;
  /** Names of those that are signed. */
  names: readonly string[];
  key: AwsKey;
}

/**
 * Signs by the client once in two minutes, and all others in its likeness: for each request the client leaves 100 KiB of
 * garbage and takes thirty times as long, and hundreds of readers may come in one second. Where the likeness of its own
 * request has another signature than that (another kind of signature, other credentials), it signs each.
 */
export function createSigner(
  byClient: (key: string) => Promise<SignedRequest>,
  credentials: () => Promise<Credentials>,
): Signer {
  let latest: { pattern: Promise<Pattern | undefined>; until: number } | undefined;
  /** By whose pattern a request was signed. */
  const origins = new WeakMap<SignedRequest, object>();

  async function learn(key: string): Promise<Pattern | undefined> {
    const signed = await byClient(key);
    const pattern = patternOf(signed, key, await credentials().catch(() => undefined));
    return pattern && inLikeness(pattern, key).headers['authorization'] === signed.headers['authorization']
      ? pattern
      : undefined;
  }

  return {
    async sign(key) {
      if (!latest || performance.now() >= latest.until) {
        const learned = { pattern: learn(key), until: performance.now() + likenessMs };
        learned.pattern.catch(() => {
          if (latest === learned) latest = undefined;
        });
        latest = learned;
      }
      const used = latest;
      const pattern = await used.pattern;
      const signed = pattern ? inLikeness(pattern, key) : await byClient(key);
      origins.set(signed, used);
      return signed;
    },
    forget(refused) {
      if (latest && origins.get(refused) === latest) latest = undefined;
    },
  };
}

function patternOf({ url, headers }: SignedRequest, key: string, credentials?: Credentials): Pattern | undefined {
  const said = parseAwsAuthorization(headers['authorization'] ?? '');
  if (!said || said.accessKeyId !== credentials?.accessKeyId) return undefined;
  // Not by a parser: it would write what is encoded in another way.
  const [, origin = '', path = '', query = ''] = /^([a-z]+:\/\/[^/?]+)([^?]*)\??(.*)$/.exec(url) ?? [];
  const end = pathOf(key);
  if (!path.endsWith(end)) return undefined;
  return {
    origin,
    path: path.slice(0, path.length - end.length),
    query,
    headers,
    names: said.names,
    key: awsKey(said.accessKeyId, credentials.secretAccessKey, said.scope),
  };
}

function inLikeness({ origin, path, query, headers, names, key: signer }: Pattern, key: string): SignedRequest {
  const whole = path + pathOf(key);
  const authorization = awsAuthorization(
    {
      method: 'GET',
      path: whole,
      query,
      headers: Object.fromEntries(names.map((name) => [name, headers[name] ?? ''])),
      payload: headers['x-amz-content-sha256'] ?? '',
    },
    signer,
    headers['x-amz-date'] ?? '',
  );
  return { url: `${origin}${whole}${query && `?${query}`}`, headers: { ...headers, authorization } };
}

/** As it is in an address (RFC 3986): Signature Version 4 for S3 encodes each part once. */
function pathOf(key: string): string {
  return encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
