import type { AdviceRig } from './advice-rig.double.ts';

/** What an operator does, and a check finds. */
export interface Mistake {
  check: string;
  impact: 'High' | 'Medium' | 'Low';
  category?: 'Performance';
  /** Of the server. */
  settings?: Record<string, string>;
  /** The text of the server's configuration. */
  file?: string;
  /** Something much like it that is no mistake. */
  fine?(rig: AdviceRig): Promise<unknown>;
  make(rig: AdviceRig): Promise<unknown>;
}
