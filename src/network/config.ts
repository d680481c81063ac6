import { z } from 'zod';
import { listenAddress } from '../config/index.ts';

const word = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be up to 63 lowercase letters, digits and hyphens');

const listener = z.strictObject({
  name: word.describe('What private endpoint connections call it, beside its address and port.'),
  listen: listenAddress(),
  management: z
    .boolean()
    .default(false)
    .describe('Whether the management API and logins are served here however closed a registry is.'),
});

/** How requests come in, beside the main listener, and what registries are called to clients of private networks. */
export const networkConfig = {
  listeners: z
    .array(listener)
    .max(64)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
      message: 'must have names that differ',
    })
    .default([])
    .describe(
      'Listeners of private endpoints, each a `name` and `listen`, with TLS as the main one has it; `management: true` ' +
        'for one by which owners get in when registries are closed.',
    ),
  linkHeader: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'must be the name of a header')
    .optional()
    .describe(
      'Header in which `trustedProxies` name the private link of a connection. Each of them must set it or remove it in ' +
        'every request.',
    ),
  region: word.default('local').describe('What this place is called in the names of data endpoints.'),
  dataHost: z
    .string()
    .max(200)
    .regex(/^(?:[a-z0-9.-]|\{registry\}|\{region\}|\{domain\})+$/, 'must be a host name, with {registry} in it')
    .refine((text) => text.includes('{registry}'), { message: 'must have {registry} in it' })
    .default('{registry}.{region}.data.{domain}')
    .describe('Host name of the data endpoint of a registry.'),
};

const whole = z.object(networkConfig);
export type NetworkConfig = z.output<typeof whole>;

/** The host of a registry's data endpoint. */
export function dataHostOf({ dataHost, region }: NetworkConfig, domain: string, registry: string): string {
  const values: Record<string, string> = {
    '{registry}': registry.toLowerCase(),
    '{region}': region,
    '{domain}': domain,
  };
  return dataHost.replaceAll(/\{[a-z]+\}/g, (name) => values[name]!);
}
