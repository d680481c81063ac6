import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { readCvss, severityOfScore } from './cvss.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 1_000);

describe('published vectors have their published scores:', () => {
  // From the CVEs' entries in NVD, from the examples of the specifications, and from FIRST's calculator.
  const cases: [what: string, vector: string, score: number, severity: string][] = [
    ['CVE-2002-0392, guide of 2.0', 'AV:N/AC:L/Au:N/C:N/I:N/A:C', 7.8, 'High'],
    ['CVE-2003-0818, guide of 2.0', 'AV:N/AC:L/Au:N/C:C/I:C/A:C', 10, 'High'],
    ['CVE-2003-0062, guide of 2.0', 'AV:L/AC:H/Au:N/C:C/I:C/A:C', 6.2, 'Medium'],
    ['CVE-2014-0160, Heartbleed', '(AV:N/AC:L/Au:N/C:P/I:N/A:N)', 5, 'Medium'],
    ['no impact, 2.0', 'AV:N/AC:L/Au:N/C:N/I:N/A:N', 0, 'Negligible'],
    ['with temporal metrics, 2.0', 'AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C', 7.8, 'High'],
    ['CVE-2015-8252, examples of 3.0', 'CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 9.8, 'Critical'],
    ['CVE-2013-1937, examples of 3.0', 'CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N', 6.1, 'Medium'],
    ['CVE-2013-0375, examples of 3.0', 'CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N', 6.4, 'Medium'],
    ['CVE-2021-44228, Log4Shell', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H', 10, 'Critical'],
    ['CVE-2014-0160, Heartbleed', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N', 7.5, 'High'],
    ['CVE-2014-3566, POODLE', 'CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N', 3.1, 'Low'],
    ['CVE-2019-7551, examples of 3.1', 'CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:H/A:H', 9, 'Critical'],
    ['CVE-2017-5753, Spectre', 'CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:C/C:H/I:N/A:N', 5.6, 'Medium'],
    ['no impact, 3.1', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N', 0, 'Negligible'],
    ['with temporal metrics, 3.1', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O/RC:C', 9.8, 'Critical'],
    ['CVE-2022-41741, examples of 4.0', 'CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N', 7.3, 'High'],
    ['CVE-2020-3549, examples of 4.0', 'CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N', 7.7, 'High'],
    ['CVE-2023-3089, examples of 4.0', 'CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N', 8.3, 'High'],
    [
      'CVE-2021-44714, examples of 4.0',
      'CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N',
      4.6,
      'Medium',
    ],
    [
      'CVE-2022-21830, examples of 4.0',
      'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N',
      5.1,
      'Medium',
    ],
    ['CVE-2014-0160, examples of 4.0', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N', 8.7, 'High'],
    ['the same, attacked', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:A', 8.7, 'High'],
    ['the same, not reported', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:U', 6.6, 'Medium'],
    [
      'CVE-2021-44228, examples of 4.0',
      'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/E:A',
      10,
      'Critical',
    ],
    ['safety of people', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/MSI:S', 10, 'Critical'],
    ['low demands', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/CR:L/IR:L/AR:L', 8.9, 'High'],
    ['no impact, 4.0', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N', 0, 'Negligible'],
    ['physical, 4.0', 'CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:L/VI:L/VA:L/SC:L/SI:L/SA:L/E:U', 0.1, 'Low'],
    ['a middle of two tenths, 4.0', 'CVSS:4.0/AV:L/AC:H/AT:N/PR:H/UI:N/VC:L/VI:H/VA:N/SC:N/SI:L/SA:N', 5.7, 'Medium'],
  ];
  for (const [what, vector, score, severity] of cases) {
    test(`${what}: ${vector}`, () => {
      const read = readCvss(vector)!;
      expect([read.score, severityOfScore(read)]).toEqual([score, severity as never]);
    });
  }
});

test('what is no vector is none', () => {
  const none = [
    '',
    '9.8',
    'CVSS:3.1',
    'CVSS:3.1/',
    'CVSS:3.2/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H',
    'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H',
    'CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H',
    'CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H',
    'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H/constructor:N',
    'CVSS:3.1/AV: /AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H',
    'CVSS:4.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H',
    `CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H${'/E:X'.repeat(1_000_000)}`,
  ];
  for (const vector of none) expect(readCvss(vector)).toBeUndefined();
});

const letters = (values: string) => fc.constantFrom(...values.split(' '));
const base4 = fc
  .record({
    AV: letters('N A L P'),
    AC: letters('L H'),
    AT: letters('N P'),
    PR: letters('N L H'),
    UI: letters('N P A'),
    VC: letters('H L N'),
    VI: letters('H L N'),
    VA: letters('H L N'),
    SC: letters('H L N'),
    SI: letters('H L N'),
    SA: letters('H L N'),
    E: letters('X A P U'),
  })
  .map((metrics) => Object.entries(metrics).map(([name, value]) => `${name}:${value}`));

test('every vector of 4.0 has a score of tenths, and the order of its metrics says nothing', () => {
  fc.assert(
    fc.property(base4, (metrics) => {
      const read = readCvss(`CVSS:4.0/${metrics.join('/')}`)!;
      expect(read.score).toBeGreaterThanOrEqual(0);
      expect(read.score).toBeLessThanOrEqual(10);
      expect(Math.round(read.score * 10) / 10).toBe(read.score);
      expect(readCvss(`CVSS:4.0/${metrics.toReversed().join('/')}`)!.score).toBe(read.score);
    }),
    { numRuns },
  );
});

test('a worse value of one metric never lowers a score of 4.0', () => {
  const order: Readonly<Record<string, string>> = { AV: 'NALP', AC: 'LH', AT: 'NP', PR: 'NLH', UI: 'NPA', E: 'APU' };
  fc.assert(
    fc.property(base4, fc.nat({ max: 10 }), (metrics, at) => {
      const [name, value] = metrics[at]!.split(':') as [string, string];
      const values = order[name] ?? 'HLN';
      const worse = values[values.indexOf(value) - 1];
      if (worse === undefined) return;
      const before = readCvss(`CVSS:4.0/${metrics.join('/')}`)!.score;
      const after = readCvss(`CVSS:4.0/${metrics.with(at, `${name}:${worse}`).join('/')}`)!.score;
      // Experts gave the scores: some sets are a tenth or two from being in order.
      expect(after).toBeGreaterThanOrEqual(before - 0.3);
    }),
    { numRuns },
  );
});
