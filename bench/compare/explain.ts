import { arePlacesSame, type Difference } from './differences.ts';
import { type PartDifference, differingParts } from './purl-parts.ts';
import type { Listed } from './listed.ts';
import type { Lister } from './programs.ts';
import type { Facts, PurlRule, Rule } from './rules.ts';

/** What one program lists of one image, beside what the server does. */
export interface Compared {
  image: string;
  program: Lister;
  ours: readonly Listed[];
  theirs: readonly Listed[];
  common: readonly { ours: Listed; theirs: Listed }[];
  differences: readonly Difference[];
}

export interface Explained {
  rule: Rule;
  of: { image: string; program: Lister; difference: Difference }[];
}

export interface ExplainedPart extends PartDifference {
  rule: PurlRule;
  program: Lister;
  type: string;
  /** How many packages differ so, and one of them. */
  count: number;
  example: { ours: string; theirs: string };
}

/** Every difference under the rule that explains it; `unexplained` are lines for whoever has to write a rule, or mend the reader. */
export function explain(
  all: readonly Compared[],
  { rules, purlRules, facts }: { rules: readonly Rule[]; purlRules: readonly PurlRule[]; facts: Facts },
): { explained: Explained[]; parts: ExplainedPart[]; unexplained: string[] } {
  const unexplained: string[] = [];
  const byRule = new Map<Rule, Explained['of']>(rules.map((rule) => [rule, []]));
  for (const { image, program, differences } of all) {
    for (const difference of differences) {
      const rule = rules.find((one) => one.fits(difference, program, facts));
      if (rule) byRule.get(rule)!.push({ image, program, difference });
      else unexplained.push(`${image}, ${program}: ${sentenceOf(difference)}`);
    }
  }
  const parts = new Map<string, ExplainedPart>();
  for (const { image, program, common } of all) {
    for (const { ours, theirs } of common) {
      for (const part of differingParts(ours.purl, theirs.purl)) {
        const key = [program, ours.type, part.part, part.how].join(' ');
        const known = parts.get(key);
        if (known) known.count++;
        const rule = known ?? purlRules.find((one) => one.fits({ ...part, type: ours.type }, program));
        if (!rule) unexplained.push(`${image}, ${program}: ${part.part}, ${part.how}: ${ours.purl} ${theirs.purl}`);
        else if (!known) {
          const example = { ours: ours.purl, theirs: theirs.purl };
          parts.set(key, { ...part, program, type: ours.type, count: 1, example, rule: rule as PurlRule });
        }
      }
      // Syft names the outermost archive alone, and more files than the one that says what is there.
      if (program === 'trivy' && !arePlacesSame(ours, theirs))
        unexplained.push(
          `${image}, ${program}: files of ${ours.purl}: ${ours.paths.join(' ')} and ${theirs.paths.join(' ')}`,
        );
      if (
        ours.source &&
        theirs.source &&
        (ours.source.name !== theirs.source.name || ours.source.version !== theirs.source.version)
      )
        unexplained.push(
          `${image}, ${program}: source of ${ours.purl}: ${JSON.stringify(ours.source)} ${JSON.stringify(theirs.source)}`,
        );
    }
  }
  const explained = [...byRule].flatMap(([rule, of]) => (of.length === 0 ? [] : [{ rule, of }]));
  return { explained, parts: [...parts.values()], unexplained };
}

/** One difference in words. */
export function sentenceOf({ kind, type, ours, theirs }: Difference): string {
  const name = (one: Listed | undefined) => (one ? `${one.name} ${one.version}`.trim() : '');
  const where = (one: Listed | undefined) => (one?.paths[0] === undefined ? '' : ` in ${one.paths[0]}`);
  switch (kind) {
    case 'ours':
      return `${type} ${name(ours)}${where(ours)}: ours alone`;
    case 'theirs':
      return `${type} ${name(theirs)}${where(theirs)}: theirs alone`;
    case 'version':
    case 'name':
      return `${type} ${name(ours)}${where(ours)}: theirs is ${name(theirs)}`;
  }
}
