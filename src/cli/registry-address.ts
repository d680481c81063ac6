/** Where a registry is, as somebody typed it. */
export interface RegistryAddress {
  /** Host and port as images name it, in lower case. */
  host: string;
  /** Scheme and authority. */
  origin: string;
  /** What the server sees as Host: the audience of an operator's token. */
  authority: string;
  /** Whether it is on this machine. */
  isHere: boolean;
}

const form = /^(?:(https?):\/\/)?((?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?)\/?$/;

/**
 * Reads `HOST[:PORT]`, with or without a scheme. What is on this machine is spoken to by plain http, everything else by TLS,
 * unless the scheme or `plainHttp` says otherwise. Throws an Error for whoever typed it.
 */
export function registryAddress(typed: string, { plainHttp = false }: { plainHttp?: boolean } = {}): RegistryAddress {
  const [, scheme, host] = form.exec(typed.toLowerCase()) ?? [];
  const url = host === undefined ? null : URL.parse(`http://${host}`);
  if (host === undefined || !url) {
    throw new Error(`${shown(typed)} is no registry; write its host, such as registry.example.com or 127.0.0.1:5000`);
  }
  const isHere = isLocal(url.hostname);
  const isPlain = scheme === undefined ? plainHttp || isHere : scheme === 'http';
  const { origin, host: authority } = new URL(`${isPlain ? 'http' : 'https'}://${host}`);
  return { host, origin, authority, isHere };
}

function isLocal(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.[0-9]+){3}|\[::1\])$/.test(hostname);
}

/** What came from outside, fit for a terminal: no control characters, and not for long. */
export function shown(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ').slice(0, 500);
}
