import type { Configuration } from '../configuration.ts';
import type { DataEndpoint } from '../distribution/index.ts';
import { equalBytes, type Keys } from '../keys/index.ts';
import { createBlobAddresses, dataHostOf } from '../network/index.ts';
import type { NetworkGates } from './network-gates.ts';

interface Options {
  config: Configuration;
  keys: Keys;
  network: NetworkGates;
  now(): number;
}

/** Data endpoints of the registries that have them: addresses of blobs there, and what they open (acr §4.2). */
export function createDataEndpoint({ config, keys, network, now }: Options): DataEndpoint {
  const addresses = createBlobAddresses({ hmac: keys.hmac, equal: equalBytes, now });
  return {
    addressOf(exchange, blob) {
      const { registryId } = exchange;
      const facts = network.of(registryId);
      if (!facts?.dataEndpointEnabled) return undefined;
      const { protocol, port } = new URL(exchange.origin());
      const host = dataHostOf(config.network, config.domain, facts.name);
      const way = exchange.way().id;
      const signed = addresses.sign({ ...blob, registryId, way, trusted: network.isTrusted(exchange) });
      return `${protocol}//${host}${port && `:${port}`}${signed}`;
    },
    read(exchange) {
      const { path, query, registryId } = exchange;
      const facts = network.of(registryId);
      if (!facts?.dataEndpointEnabled) return undefined;
      const blob = addresses.read(path, query);
      if (blob?.registryId !== registryId || blob.way !== exchange.way().id) return undefined;
      // Refused here unless it was given to somebody who gets in whatever the rules say.
      if (!blob.trusted) network.refuseUnasked(exchange);
      return blob;
    },
  };
}
