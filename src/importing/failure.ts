import { RegistryError } from '../errors/index.ts';
import { ManagementError } from '../operations/index.ts';
import { OutboundError } from '../outbound/index.ts';

/** What an import ended with, in words for who asked for it. */
export function importFailed(message: string, cause?: unknown): ManagementError {
  return new ManagementError('OperationFailed', message, { cause });
}

/** What other servers did wrong is no fault of this one: its words may be shown. */
export function explainFailure(error: unknown): unknown {
  if (error instanceof OutboundError) return importFailed(`the source cannot be read: ${error.message}`, error);
  if (error instanceof ManagementError || !(error instanceof RegistryError)) return error;
  // Its codes are those of a push, which nobody has made here.
  if (error.status === 503) return error;
  return importFailed(error.message, error);
}
