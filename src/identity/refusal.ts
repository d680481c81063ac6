/** Why somebody was not let in: a word for the log, and a sentence for them. */
export interface Refusal {
  reason: string;
  message: string;
}

export type Identified<T> = { ok: true; caller: T } | { ok: false; refusal: Refusal };

export function refused(reason: string, message: string): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: { reason, message } };
}
