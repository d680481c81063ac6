import { linkWay, listenerWay, publicWay, type Way } from '../exchange/index.ts';
import { isLoopback } from './hosts.ts';

export interface WayOptions {
  /** Name of the listener, where it is one of its own. */
  listener?: string | undefined;
  /** The header in which trusted proxies name a private link. */
  linkHeader?: string | undefined;
}

/** Of Azure a number, of AWS such as `vpce-08d2bf15fac5001c9`. */
const linkPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/**
 * Reads by which way requests come in. The header counts only from a trusted proxy: from anybody else it is as if it were
 * not there. Two of them, which arrive joined by a comma, and what is no id are a link that nobody can have approved.
 */
export function createWayReader(
  { listener, linkHeader }: WayOptions,
  isProxy: (socket: string) => boolean,
): (request: Request, socket: () => string) => Way {
  const own = listener === undefined ? publicWay : listenerWay(listener);
  if (linkHeader === undefined) return () => own;
  return (request, socket) => {
    const link = request.headers.get(linkHeader);
    if (link === null || !isProxy(socket())) return own;
    return linkWay(linkPattern.test(link) ? link : '');
  };
}

/** Headers of proxies that pass on what others send. */
const forwarding = ['x-forwarded-for', 'x-forwarded-host', 'forwarded', 'via', 'x-real-ip'];

/** Whether a request comes from this machine itself, as far as the socket and its headers tell. */
export function comesFromHere(request: Request, socket: string): boolean {
  return isLoopback(socket) && !forwarding.some((name) => request.headers.has(name));
}
