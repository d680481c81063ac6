import { createHash } from 'node:crypto';
import { RegistryError } from '../errors/index.ts';
import { readState, type State } from '../query/index.ts';

/** Longest token that is looked at (characters): all keys of an order may be of signs that JSON writes in six. */
const longestToken = 24 * 1024;

/** Where a search goes on, and since when it has been under way (ms): `ago(…)` means the same on all of its pages. */
export interface Skip {
  startedAt: number;
  state: State;
}

/** `of`: what is asked of what. It is no secret, and nobody can reach by it what the query does not. */
export function writeSkipToken(of: string, { startedAt, state }: Skip): string {
  return Buffer.from(JSON.stringify({ of: markOf(of), startedAt, state })).toString('base64url');
}

/** BAD_REQUEST where it is none, or belongs to another query. */
export function readSkipToken(of: string, token: string): Skip {
  const refuse = (message: string) =>
    new RegistryError('BAD_REQUEST', { message, detail: { field: 'options.$skipToken' } });
  const read = token.length <= longestToken ? parsed(token) : undefined;
  const state = readState(read?.['state']);
  const startedAt = read?.['startedAt'];
  if (!state || typeof startedAt !== 'number' || !Number.isSafeInteger(startedAt) || startedAt < 0)
    throw refuse('the $skipToken is none that an answer has had; leave it out to begin anew');
  if (read?.['of'] === markOf(of)) return { startedAt, state };
  throw refuse('the $skipToken belongs to another query, or to another repository; send both as they were');
}

const markOf = (of: string) => createHash('sha256').update(of).digest('base64url').slice(0, 16);

function parsed(token: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
