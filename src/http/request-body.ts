import { RegistryError } from '../errors/index.ts';

/** Small bodies are cheaper to swallow than a new connection is to open (bytes). */
const swallowed = 64 * 1024;

/**
 * Whether the connection must end with the answer. Bun swallows what was not read of a body, however long it is; a
 * client that was refused could send gigabytes into nothing.
 */
export function leavesBodyUnread(request: Request, refused: boolean): boolean {
  const { headers } = request;
  const length = headers.get('content-length');
  if (length === null ? !headers.has('transfer-encoding') : Number(length) <= swallowed) return false;
  return refused || !request.bodyUsed;
}

/** Bun lets equal Content-Lengths pass, joined by a comma; readers of bodies want a number (RFC 9112 §6.3). */
export function requireOneLength({ headers }: Request): void {
  if (headers.get('content-length')?.includes(',')) {
    throw new RegistryError('BAD_REQUEST', { message: 'the request has more than one Content-Length' });
  }
}
