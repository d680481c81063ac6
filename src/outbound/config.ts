import { z } from 'zod';
import { hostName } from '../config/index.ts';

/** A name whose last part is a number would be read as an IPv4 address, or refused, by whoever parses a URL. */
const allowedName = () => hostName().refine((name) => !/(?:^|\.)[0-9]+$/.test(name));

export const outboundConfig = z
  .strictObject({
    allow: z
      .array(
        z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6(), allowedName()], {
          error: 'must be a host name, an IP address or a range such as 10.0.0.0/8',
        }),
      )
      .max(1000)
      .default([])
      .describe(
        'What may be called although it is not on the public internet, such as the identity provider of your network: ' +
          'host names (which may then have private and loopback addresses, and be called by plain http), IP addresses and ' +
          'CIDR ranges.',
      ),
    ca: z
      .array(z.string().min(1))
      .max(100)
      .default([])
      .describe('PEM files of certificate authorities that are trusted beside the public ones when calling others.'),
  })
  .prefault({});
