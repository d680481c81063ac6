/**
 * By which way a request has come in: the listener that everybody has; one of its own, which a private endpoint leads to; or
 * a private link that a trusted proxy names. Whether a registry lets that in is asked of the registry.
 */
export interface Way {
  readonly kind: 'public' | 'listener' | 'link';
  /** What tokens name it by: `public`, `listener:NAME`, `link:ID`. */
  readonly id: string;
}

export const publicWay: Way = { kind: 'public', id: 'public' };

/** Name of a listener of its own, from the configuration. */
export function listenerWay(name: string): Way {
  return { kind: 'listener', id: `listener:${name}` };
}

/** Id of a private link, as the provider's balancer says it; empty for one that cannot be read, which nobody approves. */
export function linkWay(link: string): Way {
  return { kind: 'link', id: `link:${link}` };
}
