import { RegistryError } from '../errors/index.ts';
import type { Oauth2Exchange } from './exchange.ts';

/** Bytes of a form: room for two of the longest tokens, and a hundred scopes. */
const maxFormBytes = 64 * 1024;

/** The fields of a form (RFC 6749 appendix B). BAD_REQUEST where it is none. */
export async function readForm(exchange: Oauth2Exchange): Promise<URLSearchParams> {
  const type = exchange.request.headers.get('content-type')?.split(';', 1)[0]!.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new RegistryError('BAD_REQUEST', {
      message: 'send a form: Content-Type must be application/x-www-form-urlencoded',
    });
  }
  return new URLSearchParams(Buffer.from(await exchange.bytes(maxFormBytes)).toString());
}

/** A field that has to be there, once. */
export function requireField(form: URLSearchParams, name: string): string {
  const values = form.getAll(name);
  if (values.length === 1 && values[0] !== '') return values[0]!;
  const message = values.length > 1 ? `the field ${name} comes more than once` : `the field ${name} is missing`;
  throw new RegistryError('BAD_REQUEST', { message, detail: { field: name } });
}
