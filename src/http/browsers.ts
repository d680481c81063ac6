import { RegistryError } from '../errors/index.ts';

/**
 * Refuses what only a browser sends from another site. Without identities every page that a person on this machine
 * visits could otherwise push and delete.
 */
export function refuseBrowsers({ headers }: Request): void {
  const site = headers.get('sec-fetch-site');
  if (headers.has('origin') || (site !== null && site !== 'same-origin' && site !== 'none')) {
    throw new RegistryError('DENIED', { message: 'requests from web pages are refused; use a registry client' });
  }
}
