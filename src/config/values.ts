import { availableParallelism } from 'node:os';
import { z } from 'zod';

const durationUnits: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Record<string, number> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

function quantity(units: Record<string, number>, unitless: string, example: string) {
  const pattern = new RegExp(`^([0-9]{1,12})(${Object.keys(units).join('|')})?$`);
  return z.union([z.string(), z.number()]).transform((value, context) => {
    const match = pattern.exec(String(value).trim());
    const result = match ? Number(match[1]) * units[match[2] ?? unitless]! : NaN;
    if (Number.isSafeInteger(result)) return result;
    context.addIssue({ code: 'custom', message: `must be a whole number with a unit, such as ${example}` });
    return z.NEVER;
  });
}

/** A length of time, written `250ms`, `30s`, `5m`, `24h` or `7d`; a bare number counts seconds. Becomes ms. */
export const duration = () => quantity(durationUnits, 's', '250ms, 30s, 5m, 24h or 7d');

/** Longest that a timer can be set to is 2^31 - 1 ms: one of more runs out at once. */
const longestTimeout = 24 * durationUnits['d']!;

/** A length of time, from nothing to 24 days, after which something is given up. Becomes ms. */
export const timeout = () => duration().refine((ms) => ms <= longestTimeout, { message: 'must be at most 24d' });

/** A number of bytes, written `512B`, `64KiB`, `8MiB`, `200GiB` or `1TiB`; a bare number counts bytes. Becomes bytes. */
export const byteSize = () => quantity(sizeUnits, 'B', '64KiB, 8MiB or 200GiB');

export interface ListenAddress {
  host: string;
  port: number;
}

/** `host:port`, with IPv6 addresses in brackets; port 0 lets the system choose. */
export const listenAddress = () =>
  z.string().transform((value, context): ListenAddress => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):([0-9]{1,5})$/.exec(value);
    const port = Number(match?.[3]);
    if (match && port <= 65_535) return { host: match[1] ?? match[2]!, port };
    context.addIssue({ code: 'custom', message: 'must be host:port, such as 127.0.0.1:5000 or [::1]:5000' });
    return z.NEVER;
  });

/** A DNS host name without a port, lower-cased. */
export const hostName = () =>
  z
    .string()
    .transform((value) => value.toLowerCase())
    .refine((value) => value.length <= 253 && /^(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/.test(value), {
      message: 'must be a host name without a port',
    });

const mostProcesses = 64;

/** A number of processes from 1 to 64; `auto` is one for each core that this process may use. */
export const processCount = () =>
  z.union([z.string(), z.number()]).transform((value, context) => {
    // Elsewhere they cannot share a port.
    if (value === 'auto') return process.platform === 'linux' ? Math.min(availableParallelism(), mostProcesses) : 1;
    const count = /^[0-9]{1,3}$/.test(`${value}`) ? Number(value) : 0;
    if (count >= 1 && count <= mostProcesses) return count;
    context.addIssue({ code: 'custom', message: `must be a whole number from 1 to ${mostProcesses}, or auto` });
    return z.NEVER;
  });
