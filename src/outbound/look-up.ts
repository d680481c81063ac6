import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** The addresses of a host, as the system knows them; an address is its own. Empty where it has none, or takes longer. */
export async function lookUp(host: string, timeoutMs: number): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  // Not every system knows the names below it (RFC 6761 §6.3).
  if (host === 'localhost' || host.endsWith('.localhost')) return ['127.0.0.1'];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never[]>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, []);
  });
  const found = lookup(host, { all: true }).then(
    (all) => all.map(({ address }) => address),
    () => [],
  );
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}
