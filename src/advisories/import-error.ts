/**
 * Why advisories could not be taken over; for whoever asked and for the status of the feed. What is stored already is as it was
 * before, or as far as complete records had come.
 */
export class AdvisoryImportError extends Error {
  override readonly name = 'AdvisoryImportError';
}

export function importRefused(message: string, cause?: unknown): AdvisoryImportError {
  return new AdvisoryImportError(message, cause === undefined ? undefined : { cause });
}
