import { type Check, commandLine, type Finding, guidOf, parseArmId, type Severity } from '../operations/index.ts';
import type { Recommendation } from './contract.ts';

/** Checks with what gets them the facts of now. */
export interface Looks {
  look(): Promise<{ check: Check<never>; finding: Finding }[]>;
}

/** Gives checks their facts; those are read once for all of them. */
export function checksOn<Facts>(checks: readonly Check<Facts>[], facts: () => Facts | Promise<Facts>): Looks {
  return {
    async look() {
      const known = await facts();
      return checks.flatMap((check) => check.look(known).map((finding) => ({ check: check as Check<never>, finding })));
    },
  };
}

export interface Recommended {
  /** The same for as long as its cause is there. */
  name: string;
  /** ARM id of what it is about. */
  resourceId: string;
  properties: Recommendation;
}

const impactOf = { high: 'High', medium: 'Medium', low: 'Low' } as const satisfies Record<Severity, string>;
const order = ['High', 'Medium', 'Low'];

/** What all checks find now, the worst first. `now`: ms. */
export async function recommend(looks: readonly Looks[], now: number): Promise<Recommended[]> {
  const found = (await Promise.all(looks.map((one) => one.look()))).flat();
  const recommended = found.map(({ check, finding }) => recommendedBy(check, finding, now));
  return recommended.toSorted(
    (one, other) => order.indexOf(one.properties.impact) - order.indexOf(other.properties.impact),
  );
}

function recommendedBy(check: Check<never>, finding: Finding, now: number): Recommended {
  const { resourceId, subject = '', problem, commands, settings = {} } = finding;
  const arm = parseArmId(resourceId);
  return {
    name: guidOf([check.id, arm?.key ?? resourceId, subject].join('\0')),
    resourceId,
    properties: {
      category: check.category ?? 'Security',
      impact: impactOf[finding.severity ?? check.severity],
      impactedField: arm?.type ?? '',
      impactedValue: arm?.name ?? '',
      lastUpdated: new Date(now).toISOString(),
      recommendationTypeId: guidOf(check.id),
      shortDescription: { problem, solution: check.why },
      resourceMetadata: { resourceId },
      remediation: { commands: commands.map(commandLine), settings: { ...settings } },
      extendedProperties: { check: check.id, title: check.title },
    },
  };
}
