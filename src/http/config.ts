import { z } from 'zod';
import { duration, hostName, listenAddress, timeout } from '../config/index.ts';

export const httpConfig = {
  listen: listenAddress()
    .prefault('127.0.0.1:5000')
    .describe(
      'Address and port. Credentials travel here: beyond this machine, use `tls` or a proxy that does, and say so in `publicUrl`.',
    ),
  publicUrl: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://registry.example.com' })
    .refine((url) => new URL(url).pathname === '/' && !/[?#@]/.test(url), { message: 'must have no path' })
    .optional()
    .describe(
      'How clients reach the default registry, where a proxy stands before it. Challenges name it; without it they name ' +
        'the Host of the request.',
    ),
  hosts: z
    .array(hostName())
    .default([])
    .describe('Host names, beside `localhost` and IP addresses, under which the default registry may be addressed.'),
  trustedProxies: z
    .array(
      z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
        error: 'must be an IP address or a range such as 10.0.0.0/8',
      }),
    )
    .default([])
    .describe('Addresses or CIDR ranges of proxies whose `X-Forwarded-For` is believed.'),
  idleTimeout: duration()
    .prefault('120s')
    .refine((ms) => ms >= 1000 && ms <= 255_000, { message: 'must be from 1s to 255s' })
    .describe(
      'A connection on which nothing moves for this long is closed, give or take 4s; uploads have `uploads.stallTimeout`. ' +
        'Longer than that of a proxy in front.',
    ),
  limits: z
    .strictObject({
      requests: z
        .int()
        .min(10)
        .max(1_000_000)
        .default(10_000)
        .describe('Requests that one process works on at once; more are refused with 503 and `Retry-After`.'),
      bodies: z
        .int()
        .min(10)
        .max(100_000)
        .default(1000)
        .describe(
          'Pushes that one process receives at once, the same way. Each takes up to 3 MiB of memory while its client is ' +
            'faster than the disk.',
        ),
    })
    .prefault({}),
  tls: z
    .strictObject({
      certificate: z.string().optional().describe('PEM file with the certificate and its chain.'),
      key: z.string().optional().describe('PEM file with the private key.'),
    })
    .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
      message: 'certificate and key go together',
    })
    .prefault({}),
  drain: z
    .strictObject({
      delay: timeout()
        .prefault('0s')
        .describe('After SIGTERM: how long to go on accepting while `/readyz` says 503, so that a balancer can react.'),
      timeout: timeout().prefault('30s').describe('After that: how long requests in flight may take to finish.'),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      listen: listenAddress()
        .optional()
        .describe(
          'A listener of its own for `/metrics`, without authentication. The main one answers it only where it listens on ' +
            'a loopback address, and where there is no other.',
        ),
    })
    .prefault({}),
};
