import { RegistryError } from '../errors/index.ts';

/** Why somebody was not let in: a word for the log, and a sentence for them. */
export interface Refusal {
  reason: string;
  message: string;
  /**
   * How it is answered: 401 asks for other credentials, which is the default; `denied` says that these are right and will
   * never do; `unavailable` that they may be right.
   */
  answer?: 'denied' | 'unavailable';
}

export type Identified<T> = { ok: true; caller: T } | { ok: false; refusal: Refusal };

export function refused(reason: string, message: string, answer?: Refusal['answer']): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: { reason, message, ...(answer && { answer }) } };
}

/** A refusal as its answer. What asks for other credentials has further headers and another detail. */
export function refusalError(
  { reason, message, answer }: Refusal,
  challenge: { detail?: unknown; headers?: Record<string, string> } = {},
): RegistryError {
  if (answer === 'denied') return new RegistryError('DENIED', { message, detail: { reason } });
  if (answer === 'unavailable') return new RegistryError('UNAVAILABLE', { message, detail: { reason } });
  return new RegistryError('UNAUTHORIZED', { message, ...challenge });
}
