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
      if (!tierOf(registryId).hasTransferLimits) return undefined;
      const transfer = { registryId, signal: request.signal };
      return {
        begin: () => transfers.begin(transfer),
        receive: (bytes) => transfers.receive(transfer, bytes),
        send: (body, ended) => transfers.send(transfer, body, ended),
      };
    },
  };
}
