import type { ListOrder } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';

/** Page size where the client names none (acr §3.1), and the largest one it may name. */
const usualPage = 100;
const largestPage = 1000;

/** What a client asks of a list (acr §3.2). */
export interface PageQuery {
  n: number;
  last: string;
  order: ListOrder;
  /** Time (ms) of the last entry, which our own links have with its name. */
  at: number | undefined;
  /** Everything, for the link to the next page. */
  query: URLSearchParams;
}

const orders: Readonly<Record<string, ListOrder>> = {
  '': 'name',
  none: 'name',
  timedesc: 'newest',
  timeasc: 'oldest',
};

/** Reads `n`, `last` and `orderby`. PAGINATION_NUMBER_INVALID and BAD_REQUEST where they are none. */
export function pageOf(text: string): PageQuery {
  const query = new URLSearchParams(text);
  const n = query.get('n') ?? '';
  if (!/^[0-9]*$/.test(n)) {
    throw new RegistryError('PAGINATION_NUMBER_INVALID', {
      message: 'n must be a number of results',
      detail: { n: n.slice(0, 32) },
    });
  }
  const orderby = (query.get('orderby') ?? '').toLowerCase();
  const order = Object.hasOwn(orders, orderby) ? orders[orderby] : undefined;
  if (!order) {
    throw new RegistryError('BAD_REQUEST', {
      message: 'orderby must be none, timedesc or timeasc',
      detail: { orderby: orderby.slice(0, 32) },
    });
  }
  const given = (query.get('last') ?? '').slice(0, 512);
  const [, name, time] = (order === 'name' ? null : timed.exec(given)) ?? [];
  const at = time ?? query.get('at') ?? '';
  return {
    n: n === '' ? usualPage : Math.min(Number(n), largestPage),
    last: name ?? given,
    order,
    at: /^[0-9]{1,15}$/.test(at) ? Number(at) : undefined,
    query,
  };
}

/**
 * The last entry of a page by time, with that time: `v1*1700000000000`. Some clients take of a link `last` alone (`acr purge` does),
 * and what they saw last may be gone when they go on, or have moved: they would begin anew, and delete what they have kept. No name
 * has this sign, and nothing encodes it.
 */
const timed = /^([^*]*)\*([0-9]{1,15})$/;

/**
 * The Link header of a page after which there is more, in ACR's form: relative, with the same order. `more`: what else tells
 * the last entry from others.
 */
export function nextLink(
  path: string,
  { n, order, query }: PageQuery,
  last: { name: string; at?: number },
  more: Readonly<Record<string, string>> = {},
) {
  const isTimed = order !== 'name' && last.at !== undefined;
  const position = isTimed ? `${last.name}*${last.at}` : last.name;
  const next = new URLSearchParams({ last: position, n: String(n), orderby: query.get('orderby') ?? '' });
  const digest = query.get('digest');
  if (digest !== null) next.set('digest', digest);
  // For nodes of the version before.
  if (isTimed) next.set('at', String(last.at));
  for (const [name, value] of Object.entries(more)) next.set(name, value);
  return { Link: `<${path}?${next}>; rel="next"` };
}
