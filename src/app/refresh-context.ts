import { AdvisoryImportError, type RefreshContext } from '../advisories/index.ts';
import type { Configuration } from '../configuration.ts';
import { openArtifact } from '../importing/index.ts';
import { createPace } from '../jobs/index.ts';
import { ManagementError } from '../operations/index.ts';
import { createOutbound, OutboundError } from '../outbound/index.ts';
import type { Storage } from './storage.ts';

/** What it takes to fetch advisories, in this process. */
export function refreshContext(
  config: Configuration,
  { db }: Pick<Storage, 'db'>,
  { signal, now }: { signal: AbortSignal; now: () => number },
): RefreshContext {
  const outbound = createOutbound(config.outbound);
  const { secrets } = config.import;
  const { secret, maxDownload } = config.advisories;
  const pace = createPace();
  return {
    db,
    now,
    maxBytes: maxDownload,
    async rest() {
      signal.throwIfAborted();
      await pace.rest();
    },
    fetcher: { outbound, signal },
    openArtifact: (reference, until) => openArtifact(reference, { outbound, secrets, secret, signal: until }),
  };
}

/** What a source did wrong is no fault of this server: its words may be shown. */
export function explainAdvisories(error: unknown): unknown {
  if (error instanceof OutboundError || error instanceof AdvisoryImportError)
    return new ManagementError('OperationFailed', error.message, { cause: error });
  return error;
}
