import { BlockList, isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';

const mostRegions = 100;
const mostRanges = 1000;
/** Addresses whose region is remembered. */
const mostAddresses = 10_000;

export const regionsConfig = z
  .array(
    z.strictObject({
      name: z
        .string()
        .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, 'must be up to 64 lowercase letters, digits and -'),
      ranges: z
        .array(
          z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
            error: 'must be an IP address or a range such as 10.0.0.0/8',
          }),
        )
        .min(1)
        .max(mostRanges),
    }),
  )
  .max(mostRegions)
  .refine((regions) => new Set(regions.map(({ name }) => name)).size === regions.length, {
    message: 'must name each region once',
  })
  .default([])
  .describe(
    'Where clients are: regions, each a `name` and the `ranges` of its addresses. Of several that have an address the first ' +
      'counts. Pulls are counted by region, for the advisor.',
  );

export type Regions = z.output<typeof regionsConfig>;

/** Tells the region of a client by its address; undefined where there are no regions, so that nobody asks. */
export function createRegionOf(regions: Regions): ((address: string) => string | undefined) | undefined {
  if (regions.length === 0) return undefined;
  const lists = regions.map(({ name, ranges }) => ({ name, list: listOf(ranges) }));
  const known = new LRUCache<string, { name: string | undefined }>({ max: mostAddresses });
  return (address) => {
    const before = known.get(address);
    if (before) return before.name;
    const version = isIP(address);
    const family = version === 6 ? 'ipv6' : 'ipv4';
    const name = version === 0 ? undefined : lists.find(({ list }) => list.check(address, family))?.name;
    known.set(address, { name });
    return name;
  };
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const isV6 = isIP(address) === 6;
    list.addSubnet(address, prefix === undefined ? (isV6 ? 128 : 32) : Number(prefix), isV6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
