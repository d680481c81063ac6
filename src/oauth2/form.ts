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

/** A field that may be there, once (RFC 6749 §3.2): of two readers each might take another one. */
export function optionalField(form: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = form.getAll(name);
  if (more.length > 0) throw badField(name, 'comes more than once');
  return value === '' ? undefined : value;
}

/** A field that has to be there. */
export function requireField(form: URLSearchParams, name: string): string {
  const value = optionalField(form, name);
  if (value === undefined) throw badField(name, 'is missing');
  return value;
}

function badField(name: string, what: string): RegistryError {
  return new RegistryError('BAD_REQUEST', { message: `the field ${name} ${what}`, detail: { field: name } });
}
