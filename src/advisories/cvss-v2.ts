import { readMetrics } from './cvss-metrics.ts';

const weights: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  AV: { L: 0.395, A: 0.646, N: 1 },
  AC: { H: 0.35, M: 0.61, L: 0.71 },
  Au: { M: 0.45, S: 0.56, N: 0.704 },
  C: { N: 0, P: 0.275, C: 0.66 },
  I: { N: 0, P: 0.275, C: 0.66 },
  A: { N: 0, P: 0.275, C: 0.66 },
};
const base = Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, Object.keys(values).join(' ')]));
const others = {
  E: 'U POC F H ND',
  RL: 'OF TF W U ND',
  RC: 'UC UR C ND',
  CDP: 'N L LM MH H ND',
  TD: 'N L M H ND',
  CR: 'L M H ND',
  IR: 'L M H ND',
  AR: 'L M H ND',
};

/** The base score of CVSS 2.0 (guide, §3.2.1), 0 to 10. Undefined for what is no vector of it. */
export function scoreV2(vector: string): number | undefined {
  const metrics = readMetrics(vector, base, others);
  if (!metrics) return undefined;
  const weight = (name: string) => weights[name]![metrics.get(name)!]!;
  const impact = 10.41 * (1 - (1 - weight('C')) * (1 - weight('I')) * (1 - weight('A')));
  const exploitability = 20 * weight('AV') * weight('AC') * weight('Au');
  return impact === 0 ? 0 : Math.round((0.6 * impact + 0.4 * exploitability - 1.5) * 1.176 * 10) / 10;
}
