import { RegistryError } from '../errors/index.ts';

/** Largest body (bytes): a query of mostly escapes, and a token. */
const largestBody = 64 * 1024;
/** Rows of a page where the client names none, as everywhere (acr §3.1), and the most that it may name. */
const usualPage = 100;
const largestPage = 1000;

/** What a client searches for: `{"query": …, "options": {"$skipToken": …, "$top": …}}`, as `az acr query` sends it. */
export interface QueryRequest {
  query: string;
  skipToken: string | undefined;
  top: number;
}

/** Reads the body. BAD_REQUEST names the field that is wrong; nothing that it has is passed over, as that would be found. */
export async function readQueryRequest(exchange: {
  bytes(maxBytes: number): Promise<Uint8Array>;
}): Promise<QueryRequest> {
  const body = parsed(await exchange.bytes(largestBody));
  const { query, options = {}, ...more } = fieldsOf(body, 'the body');
  requireKnown(more, '', 'query and options');
  if (typeof query !== 'string' || query.trim() === '')
    throw refuse('query', 'query must be a text, such as "Manifests | take 10"');
  const { $skipToken: token, $top: top, ...others } = fieldsOf(options, 'options');
  requireKnown(others, 'options.', '$skipToken and $top');
  if (token !== undefined && token !== null && typeof token !== 'string')
    throw refuse('options.$skipToken', '$skipToken must be a text that an answer has had');
  if (top !== undefined && !(typeof top === 'number' && Number.isInteger(top) && top >= 1 && top <= largestPage))
    throw refuse('options.$top', `$top must be a whole number of rows from 1 to ${largestPage}`);
  return { query, skipToken: token || undefined, top: top ?? usualPage };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw refuse('', 'the body must be JSON, such as {"query": "Manifests | take 10"}');
  }
}

function fieldsOf(value: unknown, what: string): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw refuse('', `${what} must be a JSON object`);
}

function requireKnown(more: Record<string, unknown>, prefix: string, known: string): void {
  const [name] = Object.keys(more);
  if (name === undefined) return;
  const field = `${prefix}${name}`.slice(0, 80);
  throw refuse(field, `${field} is not understood; ${known} are`);
}

function refuse(field: string, message: string): RegistryError {
  return new RegistryError('BAD_REQUEST', { message, detail: { ...(field !== '' && { field }) } });
}
