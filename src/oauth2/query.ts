import { type AskedScopes, readScopes } from '../identity/index.ts';
import { optionalField } from './form.ts';

/** What the query of `GET /oauth2/token` says (acr §2.2). */
export interface TokenQuery {
  service: string | undefined;
  asked: AskedScopes;
}

/** Most queries that are kept, and characters of one: together a few MiB at most. */
const most = 1000;
const longest = 512;

const known = new Map<string, TokenQuery>();

/**
 * Reads a query. What one says never changes, and the nodes of a cluster ask for the same: those that have come lately are
 * not read again. Throws BAD_REQUEST where `service` comes twice.
 */
export function readQuery(text: string): TokenQuery {
  const before = known.get(text);
  if (before) return before;
  const fields = new URLSearchParams(text);
  const query = { service: optionalField(fields, 'service'), asked: readScopes(fields.getAll('scope')) };
  if (text.length > longest) return query;
  if (known.size === most) known.clear();
  known.set(text, query);
  return query;
}
