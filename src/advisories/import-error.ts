/**
 * Why advisories could not be taken over; for whoever asked and for the status of the feed. What is stored already is as it was
 * before, or as far as complete records had come.
 */
export class AdvisoryImportError extends Error {
  override readonly name = 'AdvisoryImportError';
}

/** Refusals that are told one by one. */
const mostTold = 10;

/** What is refused of several that come together: one keeps no other from coming. */
export function createRefusals() {
  const refused: { name: string; error: AdvisoryImportError }[] = [];
  return {
    /** Throws what is no refusal. */
    add(name: string, error: unknown): void {
      if (!(error instanceof AdvisoryImportError)) throw error;
      refused.push({ name, error });
    },
    /** To be called at the end: throws where one was refused. `all`: so many there were. */
    tell(all: number): void {
      const [first] = refused;
      if (!first) return;
      if (all === 1) throw first.error;
      const told = refused.slice(0, mostTold).map(({ name, error }) => `${name}: ${error.message}`);
      const more = refused.length > mostTold ? [`and ${refused.length - mostTold} more`] : [];
      throw importRefused([...told, ...more].join('; '), first.error);
    },
  };
}

export function importRefused(message: string, cause?: unknown): AdvisoryImportError {
  return new AdvisoryImportError(message, cause === undefined ? undefined : { cause });
}
