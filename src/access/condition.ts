import { RegistryError } from '../errors/index.ts';

/** The one attribute that a condition may ask for, as Azure names it. */
export const repositoryAttribute = 'Microsoft.ContainerRegistry/registries/repositories:name';

const comparisons = ['StringEquals', 'StringStartsWith', 'StringLike'] as const;

type Comparison = (typeof comparisons)[number];

/** A comparison, with or without Not, with or without IgnoreCase. */
export interface Operator {
  comparison: Comparison;
  negated: boolean;
  ignoreCase: boolean;
}

/** How many of the values on the right must satisfy a comparison. On the left there is one value at most. */
export const quantifiers = {
  ForAnyOfAnyValues: 'any',
  ForAllOfAnyValues: 'any',
  ForAnyOfAllValues: 'all',
  ForAllOfAllValues: 'all',
} as const;

export type Quantifier = keyof typeof quantifiers;

/** A condition of Azure ABAC, version 2.0, as a tree. */
export type Condition =
  | { kind: 'and' | 'or'; parts: readonly Condition[] }
  | { kind: 'not'; part: Condition }
  | { kind: 'action'; pattern: string }
  | { kind: 'suboperation'; name: string }
  | { kind: 'compare'; operator: Operator; quantifier?: Quantifier; values: readonly string[] };

const operators = new Map<string, Operator>();
for (const comparison of comparisons) {
  for (const negated of [false, true]) {
    for (const ignoreCase of [false, true]) {
      const operator = { comparison, negated, ignoreCase };
      operators.set(operatorName(operator), operator);
    }
  }
}

/** Undefined where Azure has such an operator for something else, or not at all. */
export function operatorOf(name: string): Operator | undefined {
  return operators.get(name);
}

function operatorName({ comparison, negated, ignoreCase }: Operator): string {
  const name = negated ? comparison.replace('String', 'StringNot') : comparison;
  return ignoreCase ? `${name}IgnoreCase` : name;
}

/** Writes a condition on one line; `parseCondition` reads the same tree from it. Throws BAD_REQUEST as `quote` does. */
export function formatCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.parts.map(formatPart).join(` ${condition.kind.toUpperCase()} `);
    case 'not':
      return `!(${formatCondition(condition.part)})`;
    case 'action':
      return `ActionMatches{${quote(condition.pattern)}}`;
    case 'suboperation':
      return `SubOperationMatches{${quote(condition.name)}}`;
    case 'compare':
      return formatComparison(condition);
  }
}

function formatPart(part: Condition): string {
  return part.kind === 'and' || part.kind === 'or' ? `(${formatCondition(part)})` : formatCondition(part);
}

function formatComparison({ operator, quantifier, values }: Condition & { kind: 'compare' }): string {
  const begin = `@Request[${repositoryAttribute}] ${quantifier ? `${quantifier}:` : ''}${operatorName(operator)}`;
  const list = values.map(quote);
  return `${begin} ${quantifier ? `{${list.join(', ')}}` : list[0]}`;
}

/**
 * A text in quotes. Azure's syntax has no way to write a quote inside, so a text that has one cannot be put into a
 * condition. Throws BAD_REQUEST.
 */
export function quote(text: string): string {
  if (/['\p{Cc}]/u.test(text)) {
    throw new RegistryError('BAD_REQUEST', { message: 'a value of a condition has no quotes or control characters' });
  }
  return `'${text}'`;
}
