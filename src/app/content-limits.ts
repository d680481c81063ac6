import type { ContentLimits } from '../distribution/index.ts';
import type { Tier, Transfers } from '../tiers/index.ts';

/** What the distribution API asks the tier of a registry. */
export function contentLimitsBy({
  tierOf,
  transfers,
}: {
  tierOf(registryId: number): Tier;
  transfers: Transfers;
}): ContentLimits {
  return {
    largestManifest: (registryId) => tierOf(registryId).limits.maxManifest,
    largestBlob(registryId) {
      const { maxLayer } = tierOf(registryId).limits;
      return maxLayer < 0 ? undefined : maxLayer;
    },
    transfer({ registryId, request }) {
      const tier = tierOf(registryId);
      if (!tier.hasTransferLimits) return undefined;
      const transfer = { tier, registryId, signal: request.signal };
      const { ingress } = tier.rates;
      return {
        begin: () => transfers.begin(transfer),
        receive: ingress < 0 ? undefined : (bytes) => transfers.receive(transfer, bytes),
        send: (body, ended) => transfers.send(transfer, body, ended),
      };
    },
  };
}
