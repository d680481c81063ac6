import type { ExplainedAccess } from '../../../registries/index.ts';
import { shown, table } from '../../output/index.ts';
import { shortIds } from '../short-ids.ts';

/** An explanation for people: the sentence, what it rests on, and what to do. */
export function explained({ message, reasons, notes, suggestion, mode }: ExplainedAccess): string {
  const rows = reasons.map(({ role, grant, scope, outcome, message: why }) => ({
    Outcome: outcome,
    From: role ?? (grant ? `grant on ${grant.repository}` : ''),
    Scope: shortIds(scope ?? ''),
    Why: shortIds(why),
  }));
  const parts = [
    shown(shortIds(message)),
    ...(mode === undefined ? [] : [`The registry reads role assignments as ${mode}.`]),
    ...notes.map((note) => `Note: ${shown(note)}`),
    ...(rows.length === 0 ? [] : ['', table(rows)]),
    ...(suggestion ? ['', 'To allow it:', `  ${shown(suggestion.command)}`] : []),
  ];
  return parts.join('\n');
}
