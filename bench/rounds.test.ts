import { expect, test } from 'bun:test';
import type { Contender } from './peers/contenders.ts';
import { compare, measureRounds } from './rounds.ts';
import { figuresOf, targetsOf } from './report.ts';
import type { Figures, Row, Shape, Situation } from './shape.ts';

const row: Row = {
  key: 'rate',
  what: 'rate',
  unit: '1/s',
  better: 'more',
  targets: { nginx: 0.5, zot: 3 },
  limits: { bonded: 40 },
};
const contenders: Contender[] = ['bonded', 'nginx', 'zot'];
const rounds = [
  [30, 60],
  [10, 40],
  [50, 50],
].map(([bonded, nginx]) => new Map(Object.entries({ bonded: { rate: bonded! }, nginx: { rate: nginx! } })));
const comparison = compare(row, rounds as Map<Contender, { rate: number }>[], contenders);
const shape: Shape = { name: 's', about: 'a', contenders, needs: [], rows: [row], measure: async () => ({}) };

test('ratios are of one round, medians of all', () => {
  expect(comparison.medians).toEqual(new Map(Object.entries({ bonded: 30, nginx: 50 })) as never);
  expect(comparison.ratios.get('nginx')).toEqual({ median: 0.5, least: 0.25, most: 1 });
});

test('a contender without a figure has no ratio', () => {
  expect(comparison.ratios.has('zot')).toBe(false);
});

test('a peer that is missing is not measured and never passes', () => {
  const lines = targetsOf([{ shape, comparisons: [comparison], rounds: 3, notes: [] }]);
  expect(lines.slice(2)).toEqual([
    '| rate |  | 30 1/s | ≥ 40 1/s | **missed** |',
    '| rate | nginx | 0.5 × (0.25 to 1) | ≥ 0.5 × | met |',
    '| rate | zot | not measured | ≥ 3 × |  |',
  ]);
});

test('figures stand beside each other, with ratios', () => {
  const lines = figuresOf({ shape, comparisons: [comparison], rounds: 3, notes: [] });
  expect(lines.at(-2)).toBe('| rate | 1/s | 30 | 50 (0.5 ×) | – |');
});

const situation: Situation = {
  scale: { blobBytes: 1, seconds: 1, rounds: 3, crowd: 1, brief: false, memoryBytes: 0 },
  directory: '/nowhere',
  peers: new Map(),
};

async function measured(measure: (contender: Contender, call: number) => Figures) {
  let calls = 0;
  const order: Contender[] = [];
  const run = await measureRounds(
    { ...shape, measure: async (_, contender) => (order.push(contender), measure(contender, calls++)) },
    situation,
    contenders,
    () => {},
  );
  return { ...run, order };
}

test('the order of contenders turns from round to round', async () => {
  const { order, count } = await measured(() => ({ rate: 1 }));
  expect(count).toBe(3);
  const turned = [
    ['bonded', 'nginx', 'zot'],
    ['nginx', 'zot', 'bonded'],
    ['zot', 'bonded', 'nginx'],
  ];
  expect(order).toEqual(turned.flat() as Contender[]);
});

test('a peer that fails has no figure and a note; Bonded may not fail', async () => {
  const failing = (broken: Contender) => (contender: Contender) => {
    if (contender === broken) throw new Error('no more');
    return { rate: 2 };
  };
  const { comparisons, failures } = await measured(failing('zot'));
  expect(failures).toEqual(['zot failed: no more']);
  expect(comparisons[0]!.medians.has('zot')).toBe(false);
  expect(comparisons[0]!.ratios.get('nginx')!.median).toBe(1);
  await expect(measured(failing('bonded'))).rejects.toThrow('no more');
});
