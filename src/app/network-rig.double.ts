import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { inDirectory } from '../../test/support/command.ts';
import { registryScope } from '../../test/support/people.ts';
import { startWatchedApp } from '../../test/support/watched-app.ts';

const listeners = ['approved', 'rejected', 'owners'] as const;

/**
 * A server behind a proxy that it trusts, which this process is: `from` says who sends a request. It has two listeners of
 * private endpoints, one for owners, and a header for links.
 */
export async function startNetworkRig({ settings = {}, now }: { settings?: object; now?: () => number } = {}) {
  const config = {
    trustedProxies: ['127.0.0.1'],
    network: {
      linkHeader: 'X-Bonded-Link',
      listeners: listeners.map((name) => ({ name, listen: '127.0.0.1:0', management: name === 'owners' })),
    },
    ...settings,
  };
  const server = await inDirectory(async (directory) => {
    const file = join(directory, 'bonded.json');
    await writeFile(file, JSON.stringify(config));
    return startWatchedApp({ file, ...(now && { now }) });
  });
  const connections = `${registryScope}/privateEndpointConnections`;
  return {
    ...server,
    /** Of the named listeners. */
    urls: {
      approved: server.app.listenerUrls[0]!,
      rejected: server.app.listenerUrls[1]!,
      owners: server.app.listenerUrls[2]!,
    },
    /** A private endpoint connection, by what it is known by. */
    connect: (name: string, status: string, by: { listener: string } | { linkId: string }) =>
      server.people.put(`${connections}/${name}`, { ...by, privateLinkServiceConnectionState: { status } }),
    disconnect: (name: string) => server.people.remove(`${connections}/${name}`),
    /** A request that the proxy passes on from an address, by a link perhaps. */
    from(
      address: string,
      path: string,
      { link, url = server.url, headers, ...init }: BunFetchRequestInit & { link?: string; url?: string } = {},
    ): Promise<Response> {
      const sent = new Headers(headers);
      sent.set('X-Forwarded-For', address);
      if (link !== undefined) sent.set('X-Bonded-Link', link);
      return fetch(`${url}${path}`, { anonymous: true, redirect: 'manual', ...init, headers: sent });
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export type NetworkRig = Awaited<ReturnType<typeof startNetworkRig>>;

/** A path of each kind that there is, with those that no protocol knows. */
export const paths = [
  '/v2/',
  '/v2',
  '/v2/app/tags/list',
  '/v2/app/manifests/latest',
  '/v2/_catalog',
  '/v2/nothing/here',
  '/acr/v1/_catalog',
  '/acr/v1/app/_tags',
  '/oauth2/token?service=x',
  '/oauth2/exchange',
  '/oauth2/keys',
  '/.well-known/openid-configuration',
  `${registryScope}?api-version=2025-11-01`,
  '/subscriptions?api-version=2022-12-01',
  '/providers/Microsoft.ContainerRegistry/x?api-version=2025-11-01',
  '/nothing/is/here',
  '/',
];
