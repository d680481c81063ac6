/*
 * Scores of MacroVectors: what the experts of CVSS v4.0 gave the most severe vector of each (specification, §8; the values
 * are part of the standard). A line for each level of EQ1, of EQ2, and of EQ3 with EQ6; in it the levels of EQ4, and of EQ5
 * within each.
 */
const table = `
  0 0 00  10.0  9.8  9.5  10.0  9.3  9.1   9.3  8.9  8.1
  0 0 01   9.9  9.5  9.2   9.6  8.7  8.1   9.0  8.0  6.8
  0 0 10   9.8  9.5  9.0   9.3  8.9  8.1   8.8  7.8  6.9
  0 0 11   9.5  9.2  8.4   9.2  8.1  6.5   8.0  7.0  4.8
  0 0 21   9.2  8.2  7.2   7.9  6.9  5.0   6.9  5.5  2.7
  0 1 00   9.9  9.5  9.2   9.5  9.0  8.4   9.2  8.2  7.2
  0 1 01   9.7  9.2  8.5   9.1  8.3  7.1   8.1  7.1  5.3
  0 1 10   9.5  9.2  8.5   9.2  8.0  7.0   8.4  7.1  5.0
  0 1 11   9.3  8.5  7.3   8.2  7.2  5.9   7.0  5.2  3.0
  0 1 21   8.6  7.5  5.2   7.1  5.2  2.9   6.3  2.9  1.7
  1 0 00   9.8  9.4  9.1   9.4  8.6  7.7   8.7  7.4  6.3
  1 0 01   9.5  8.7  8.1   8.9  7.4  6.4   7.5  6.3  4.9
  1 0 10   9.4  8.8  7.6   8.6  7.4  5.9   7.2  5.7  5.2
  1 0 11   8.9  7.7  6.7   7.6  5.8  5.0   5.7  5.2  2.5
  1 0 21   8.3  7.0  5.4   6.5  5.8  2.6   5.3  2.1  1.3
  1 1 00   9.5  8.8  7.6   9.0  7.5  6.1   7.7  6.8  5.2
  1 1 01   9.0  7.6  7.0   7.7  6.2  5.3   6.6  5.9  3.0
  1 1 10   8.9  7.6  6.2   7.4  5.7  4.7   6.1  5.7  2.4
  1 1 11   7.8  6.7  5.8   5.9  5.7  2.3   5.2  2.9  1.6
  1 1 21   7.1  5.9  3.0   5.8  2.6  1.5   2.3  1.3  0.6
  2 0 00   9.3  8.6  7.5   8.6  7.4  5.6   7.0  5.2  4.0
  2 0 01   8.7  7.2  5.8   7.4  6.1  3.4   5.4  4.0  2.2
  2 0 10   8.5  7.4  6.2   7.2  5.5  4.6   5.3  3.4  1.9
  2 0 11   7.5  5.5  5.1   5.7  4.1  1.9   3.6  1.9  0.8
  2 0 21   6.4  5.1  2.0   4.7  2.1  1.1   2.4  0.9  0.4
  2 1 00   8.8  7.3  6.0   7.3  5.9  4.1   5.4  4.5  2.0
  2 1 01   7.5  5.3  5.0   5.5  4.0  2.0   4.3  2.2  1.1
  2 1 10   7.5  5.8  4.0   6.1  4.8  2.0   4.6  1.7  0.8
  2 1 11   5.5  4.5  2.1   5.1  1.8  0.9   1.8  0.7  0.2
  2 1 21   5.3  2.4  1.4   2.4  1.2  0.5   1.0  0.3  0.1
`;

const scores = new Map<string, number>();
for (const line of table.trim().split('\n')) {
  const [eq1, eq2, eq3and6, ...values] = line.trim().split(/\s+/) as [string, string, string, ...string[]];
  for (const [at, value] of values.entries()) {
    scores.set(`${eq1}${eq2}${eq3and6[0]}${Math.floor(at / 3)}${at % 3}${eq3and6[1]}`, Number(value));
  }
}

/** Levels of the six equivalence sets, EQ1 to EQ6. */
export type MacroVector = readonly [number, number, number, number, number, number];

/** The score of a MacroVector; undefined where there is none of these levels. */
export function macroScore(levels: MacroVector): number | undefined {
  return scores.get(levels.join(''));
}
