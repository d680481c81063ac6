import { asRegistryError } from '../errors/index.ts';
import { errorEnvelope } from '../operations/index.ts';

/** Code and message of whatever was thrown; of unknown failures nothing of what is inside. */
export function asError(thrown: unknown): { code: string; message: string } {
  const error = asRegistryError(thrown);
  if (error.code !== 'UNKNOWN') return errorEnvelope(error).error;
  return { code: 'InternalServerError', message: 'the operation failed; the log has the reason' };
}
