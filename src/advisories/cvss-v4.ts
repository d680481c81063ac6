import { type Metrics, readMetrics } from './cvss-metrics.ts';
import { macroScore, type MacroVector } from './cvss-v4-macro-vectors.ts';

const base = {
  AV: 'N A L P',
  AC: 'L H',
  AT: 'N P',
  PR: 'N L H',
  UI: 'N P A',
  VC: 'H L N',
  VI: 'H L N',
  VA: 'H L N',
  SC: 'H L N',
  SI: 'H L N',
  SA: 'H L N',
};
const others = {
  E: 'X A P U',
  CR: 'X H M L',
  IR: 'X H M L',
  AR: 'X H M L',
  ...Object.fromEntries(Object.entries(base).map(([name, values]) => [`M${name}`, `X ${values}`])),
  MSI: 'X S H L N',
  MSA: 'X S H L N',
  S: 'X N P',
  AU: 'X N Y',
  R: 'X A U I',
  V: 'X D C',
  RE: 'X L M H',
  U: 'X Clear Green Amber Red',
};

/** Values of each metric, from the most severe on: severity is counted in these steps (specification, §8.3). */
const steps: Readonly<Record<string, string>> = {
  AV: 'NALP',
  PR: 'NLH',
  UI: 'NPA',
  AC: 'LH',
  AT: 'NP',
  VC: 'HLN',
  VI: 'HLN',
  VA: 'HLN',
  SC: 'SHLN',
  SI: 'SHLN',
  SA: 'SHLN',
  CR: 'HML',
  IR: 'HML',
  AR: 'HML',
};

/** The most severe vectors of a level of a set, and how many steps it is deep (specification, §8.3 and tables 24 to 30). */
interface Level {
  highest: readonly Readonly<Record<string, string>>[];
  depth: number;
}

/** `AVN PRN`: the metrics of one vector; vectors are divided by commas. */
const level = (depth: number, vectors: string): Level => ({
  depth,
  highest: vectors
    .split(', ')
    .map((vector) => Object.fromEntries(vector.split(' ').map((metric) => [metric.slice(0, 2), metric.slice(2)]))),
});

const eq1 = [
  level(1, 'AVN PRN UIN'),
  level(4, 'AVA PRN UIN, AVN PRL UIN, AVN PRN UIP'),
  level(5, 'AVP PRN UIN, AVA PRL UIP'),
];
const eq2 = [level(1, 'ACL ATN'), level(2, 'ACH ATN, ACL ATP')];
/** By the levels of EQ3 and of EQ6, which depend on each other. */
const eq3and6: Readonly<Record<string, Level>> = {
  '00': level(7, 'VCH VIH VAH CRH IRH ARH'),
  '01': level(6, 'VCH VIH VAL CRM IRM ARH, VCH VIH VAH CRM IRM ARM'),
  '10': level(8, 'VCL VIH VAH CRH IRH ARH, VCH VIL VAH CRH IRH ARH'),
  '11': level(
    8,
    'VCL VIH VAL CRH IRM ARH, VCL VIH VAH CRH IRM ARM, VCH VIL VAH CRM IRH ARM, VCH VIL VAL CRM IRH ARH, VCL VIL VAH CRH IRH ARM',
  ),
  '21': level(10, 'VCL VIL VAL CRH IRH ARH'),
};
const eq4 = [level(6, 'SCH SIS SAS'), level(5, 'SCH SIH SAH'), level(4, 'SCL SIL SAL')];

/**
 * The score of CVSS 4.0 (specification, §8), 0 to 10, with the threat and the environment as far as the vector has them.
 * Undefined for what is no vector of it.
 */
export function scoreV4(vector: string): number | undefined {
  const metrics = readMetrics(vector, base, others);
  if (!metrics) return undefined;
  const value = (name: string) => valueOf(metrics, name);
  if (['VC', 'VI', 'VA', 'SC', 'SI', 'SA'].every((name) => value(name) === 'N')) return 0;
  const levels = levelsOf(value);
  const score = macroScore(levels)!;
  const sets: [lower: number | undefined, level: Level | undefined][] = [
    [below(levels, 0), eq1[levels[0]]],
    [below(levels, 1), eq2[levels[1]]],
    [belowBoth(levels), eq3and6[`${levels[2]}${levels[5]}`]],
    [below(levels, 3), eq4[levels[3]]],
    // All vectors of a level of EQ5 are alike: it counts, and takes nothing off.
    [below(levels, 4), undefined],
  ];
  const lower = sets.filter(([next]) => next !== undefined);
  const taken = lower.reduce(
    (sum, [next, at]) => sum + (at ? (score - next!) * (distance(value, at) / at.depth) : 0),
    0,
  );
  const mean = lower.length === 0 ? 0 : taken / lower.length;
  // What is in the middle of two tenths goes up, and a computer's numbers may be a little below it.
  return Math.round((Math.min(10, Math.max(0, score - mean)) + 1e-6) * 10) / 10;
}

/** What is modified stands for what it modifies; what is not said is the worst. */
function valueOf(metrics: Metrics, name: string): string {
  const modified = metrics.get(`M${name}`);
  if (modified !== undefined && modified !== 'X') return modified;
  const own = metrics.get(name);
  if (own !== undefined && own !== 'X') return own;
  return name === 'E' ? 'A' : 'H';
}

function levelsOf(value: (name: string) => string): MacroVector {
  const is = (name: string, wanted: string) => value(name) === wanted;
  const open = [is('AV', 'N'), is('PR', 'N'), is('UI', 'N')].filter(Boolean).length;
  const high = [is('VC', 'H'), is('VI', 'H'), is('VA', 'H')];
  const wanted = [is('CR', 'H'), is('IR', 'H'), is('AR', 'H')];
  return [
    open === 3 ? 0 : open > 0 && !is('AV', 'P') ? 1 : 2,
    is('AC', 'L') && is('AT', 'N') ? 0 : 1,
    high[0] && high[1] ? 0 : high.includes(true) ? 1 : 2,
    is('SI', 'S') || is('SA', 'S') ? 0 : is('SC', 'H') || is('SI', 'H') || is('SA', 'H') ? 1 : 2,
    is('E', 'A') ? 0 : is('E', 'P') ? 1 : 2,
    high.some((one, at) => one && wanted[at]) ? 0 : 1,
  ];
}

/** The score one level of one set further down; undefined where there is none. */
function below(levels: MacroVector, set: number, by = 1): number | undefined {
  return macroScore(levels.map((one, at) => (at === set ? one + by : one)) as unknown as MacroVector);
}

/** Down in EQ3 or in EQ6, whichever comes first; where both are possible, the higher score. */
function belowBoth(levels: MacroVector): number | undefined {
  const [, , three, , , six] = levels;
  if (six === 1) return below(levels, 2);
  const next = below(levels, 5);
  return three === 1 ? next : Math.max(next!, below(levels, 2)!);
}

/** Steps from the first of the most severe vectors of a level that is nowhere less severe. */
function distance(value: (name: string) => string, { highest }: Level): number {
  for (const vector of highest) {
    const down = Object.entries(vector).map(
      ([name, at]) => steps[name]!.indexOf(value(name)) - steps[name]!.indexOf(at),
    );
    if (down.every((one) => one >= 0)) return down.reduce((sum, one) => sum + one, 0);
  }
  return 0;
}
