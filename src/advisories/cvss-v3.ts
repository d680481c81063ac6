import { readMetrics } from './cvss-metrics.ts';

const base = { AV: 'N A L P', AC: 'L H', PR: 'N L H', UI: 'N R', S: 'U C', C: 'H L N', I: 'H L N', A: 'H L N' };
const others = {
  E: 'X U P F H',
  RL: 'X O T W U',
  RC: 'X U R C',
  CR: 'X L M H',
  IR: 'X L M H',
  AR: 'X L M H',
  MAV: 'X N A L P',
  MAC: 'X L H',
  MPR: 'X N L H',
  MUI: 'X N R',
  MS: 'X U C',
  MC: 'X H L N',
  MI: 'X H L N',
  MA: 'X H L N',
};
const vectors: Readonly<Record<string, number>> = { N: 0.85, A: 0.62, L: 0.55, P: 0.2 };
const complexities: Readonly<Record<string, number>> = { L: 0.77, H: 0.44 };
/** Privileges: what they weigh where the scope stays, and where it changes. */
const privileges: Readonly<Record<string, readonly [number, number]>> = {
  N: [0.85, 0.85],
  L: [0.62, 0.68],
  H: [0.27, 0.5],
};
const interactions: Readonly<Record<string, number>> = { N: 0.85, R: 0.62 };
const impacts: Readonly<Record<string, number>> = { H: 0.56, L: 0.22, N: 0 };

/**
 * The base score of CVSS 3.0 and 3.1 (specification, §7.1), 0 to 10: what publishers and databases state, whatever else a
 * vector says of a time or a place. Undefined for what is no vector of them. Of 3.0, too, it is rounded as 3.1 says.
 */
export function scoreV3(vector: string): number | undefined {
  const metrics = readMetrics(vector, base, others);
  if (!metrics) return undefined;
  const value = (name: string) => metrics.get(name)!;
  const changed = value('S') === 'C';
  const missed = (1 - impacts[value('C')]!) * (1 - impacts[value('I')]!) * (1 - impacts[value('A')]!);
  const sub = 1 - missed;
  const impact = changed ? 7.52 * (sub - 0.029) - 3.25 * (sub - 0.02) ** 15 : 6.42 * sub;
  if (impact <= 0) return 0;
  const exploitability =
    8.22 *
    vectors[value('AV')]! *
    complexities[value('AC')]! *
    privileges[value('PR')]![changed ? 1 : 0] *
    interactions[value('UI')]!;
  return roundUp(Math.min((changed ? 1.08 : 1) * (impact + exploitability), 10));
}

/** Up to one place, but not for what a computer's numbers are off (specification of 3.1, appendix A). */
function roundUp(score: number): number {
  const parts = Math.round(score * 100_000);
  return parts % 10_000 === 0 ? parts / 100_000 : (Math.floor(parts / 10_000) + 1) / 10;
}
