import { describe, expect, test } from 'bun:test';
import { testDialect } from '../../test/support/database.ts';
import { acknowledged, openWriters } from '../../test/support/writers.ts';

const seconds = 3;

async function measure(syncDelayMs: number): Promise<{ fair: boolean; responsive: boolean }> {
  await using writers = await openWriters();
  const all = await writers.startAll(4, { concurrency: 32, syncDelayMs });
  await Bun.sleep(seconds * 1000);
  const reports = await writers.stop(all);
  const total = acknowledged(reports);
  expect(writers.rows()).toBe(total);
  const shares = reports.map((report) => report.acknowledged / total);
  const lags = reports.map((report) => report.lagP99);
  console.log(
    `${syncDelayMs} ms added to a sync: ${Math.round(total / seconds)} writes/s, shares ` +
      `${shares.map((share) => `${Math.round(share * 100)} %`).join(' ')}, loop lag p99 ` +
      `${lags.map((lag) => lag.toFixed(1)).join(' ')} ms`,
  );
  return { fair: Math.min(...shares) >= 0.15, responsive: Math.max(...lags) < 20 };
}

// There is nothing to skip in the run on PostgreSQL: this belongs to the other one.
if (testDialect() === 'sqlite') describe('four processes write through one file', suite);

function suite(): void {
  for (const syncDelayMs of [0, 5]) {
    test(`evenly, without stalling an event loop, losing nothing (${syncDelayMs} ms added to each sync)`, async () => {
      expect(await measure(syncDelayMs)).toEqual({ fair: true, responsive: true });
    });
  }
}
