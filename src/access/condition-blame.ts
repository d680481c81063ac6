import { type Condition, formatCondition } from './condition.ts';
import { compileCondition } from './condition-evaluation.ts';

/**
 * The part of a condition that keeps it from being true, as text. Of alternatives those that ask for the repository
 * are meant: the others only say for which actions a condition is.
 */
export function blamedPart(condition: Condition, actions: readonly string[], repository: string | undefined): string {
  if (condition.kind === 'and') {
    const failing = condition.parts.find((part) => compileCondition(part)(actions, repository) !== true);
    return blamedPart(failing ?? condition.parts[0]!, actions, repository);
  }
  if (condition.kind === 'or') {
    const comparing = condition.parts.filter(compares);
    if (comparing.length === 1) return blamedPart(comparing[0]!, actions, repository);
  }
  return formatCondition(condition);
}

function compares(condition: Condition): boolean {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.parts.some(compares);
    case 'not':
      return compares(condition.part);
    case 'compare':
      return true;
    case 'action':
    case 'suboperation':
      return false;
  }
}
