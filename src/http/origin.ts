/** What an absolute address of the server is made of. */
export interface OriginOptions {
  /** How clients reach the default registry, such as `https://registry.example.com`; undefined: as the request says. */
  publicUrl?: string | undefined;
  /** Whether the listener speaks TLS. */
  secure: boolean;
  defaultRegistry: number;
}

/** What is read of a request. */
export interface AskedOrigin {
  registryId: number;
  /** The Host header, which names a configured host. */
  host: string;
  /** `X-Forwarded-Proto`, if the nearest hop is a trusted proxy. */
  forwardedScheme: string | null;
}

/**
 * Scheme and authority under which a client reaches the registry, for what must be absolute: the realm of a challenge
 * (lesson 15). Host says it only where the configuration does not, and is one of the configured names in any case. Other
 * registries than the default one share the scheme and port of `publicUrl`.
 */
export function createOriginReader({ publicUrl, secure, defaultRegistry }: OriginOptions) {
  const outer = publicUrl === undefined ? undefined : new URL(publicUrl);
  return ({ registryId, host, forwardedScheme }: AskedOrigin): string => {
    if (!outer) return `${secure || forwardedScheme === 'https' ? 'https' : 'http'}://${host.toLowerCase()}`;
    if (registryId === defaultRegistry) return outer.origin;
    const name = host.toLowerCase().replace(/:[0-9]+$/, '');
    return `${outer.protocol}//${name}${outer.port && `:${outer.port}`}`;
  };
}
