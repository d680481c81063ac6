import { type Condition, type Operator, quantifiers } from './condition.ts';
import { compileActionPattern, compileWildcard, type Matcher } from './wildcard.ts';

/** What a condition says of a request; undefined where that depends on a repository that the request does not name. */
export type Truth = boolean | undefined;

/**
 * Evaluates a condition for an action, which may have several names, and a repository. A request without a repository
 * lacks the attribute: a comparison is then neither true nor false, and neither is its negation. Only what is true
 * grants, so that NOT cannot turn a missing attribute into a right.
 */
export type Evaluator = (actions: readonly string[], repository: string | undefined) => Truth;

export function compileCondition(condition: Condition): Evaluator {
  switch (condition.kind) {
    case 'and':
      return joined(condition.parts.map(compileCondition), false);
    case 'or':
      return joined(condition.parts.map(compileCondition), true);
    case 'not': {
      const part = compileCondition(condition.part);
      return (actions, repository) => {
        const truth = part(actions, repository);
        return truth === undefined ? undefined : !truth;
      };
    }
    case 'action': {
      const matcher = compileActionPattern(condition.pattern);
      return (actions) => actions.some(matcher);
    }
    case 'suboperation':
      // No action of a registry has suboperations.
      return () => false;
    case 'compare':
      return comparison(condition);
  }
}

/** AND ends with the first that is false, OR with the first that is true; what is open stays open otherwise. */
function joined(parts: readonly Evaluator[], decisive: boolean): Evaluator {
  return (actions, repository) => {
    let result: Truth = !decisive;
    for (const part of parts) {
      const truth = part(actions, repository);
      if (truth === decisive) return decisive;
      if (truth === undefined) result = undefined;
    }
    return result;
  };
}

function comparison({ operator, quantifier, values }: Condition & { kind: 'compare' }): Evaluator {
  const matchers = values.map((value) => matcherOf(operator, value));
  const needsAll = quantifier !== undefined && quantifiers[quantifier] === 'all';
  return (_, repository) => {
    if (repository === undefined) return undefined;
    const name = operator.ignoreCase ? repository.toLowerCase() : repository;
    const holds = (matcher: Matcher) => matcher(name) !== operator.negated;
    return needsAll ? matchers.every(holds) : matchers.some(holds);
  };
}

function matcherOf({ comparison: kind, ignoreCase }: Operator, given: string): Matcher {
  const value = ignoreCase ? given.toLowerCase() : given;
  switch (kind) {
    case 'StringEquals':
      return (name) => name === value;
    case 'StringStartsWith':
      return (name) => name.startsWith(value);
    case 'StringLike':
      return compileWildcard(value, { like: true });
  }
}
