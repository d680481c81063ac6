/** How bad it is: somebody may get in; more is open than need be; worth tidying. */
export type Severity = 'high' | 'medium' | 'low';

/** One thing that a check has found. */
export interface Finding {
  /** ARM id of what is meant; the group for the server as a whole. */
  resourceId: string;
  /** What else tells it from others of the same check on the same resource. */
  subject?: string;
  /** Replaces that of the check. */
  severity?: Severity;
  /** What is wrong here. */
  problem: string;
  /** The commands that end it, each as its words; all of them can be run as they are. */
  commands: readonly (readonly string[])[];
  /** Settings, or variables, that end it at the next start; null where one has to go. */
  settings?: Readonly<Record<string, string | null>>;
}

/** Something that an operator would rather know, looked for in facts that are handed in. Pure. */
export interface Check<Facts> {
  /** Stable: documentation names it. */
  id: string;
  severity: Severity;
  /** In the words of Azure Advisor; default: security. */
  category?: 'Security' | 'Performance';
  title: string;
  /** Why it matters, and what to do instead. */
  why: string;
  look(facts: Facts): Finding[];
}
