import { expect, test } from 'bun:test';
import { join } from 'node:path';
import type { Severity } from '../operations/index.ts';
import { checks } from './advisor.ts';

const all: { id: string; severity: Severity; title: string; why: string }[] = Object.values(checks).flatMap((list) => [
  ...list,
]);

test('the guide of the advisor has each check as it is', async () => {
  const guide = await Bun.file(join(import.meta.dir, '../../docs/guides/advisor.md')).text();
  const rows = [...guide.matchAll(/^\| `([a-z-]+)` \| (\w+) \| ([^|]+) \|/gm)].map(([, id, severity, title]) => ({
    id,
    severity,
    title,
  }));
  const known = all.map(({ id, severity, title }) => ({ id, severity: severity as string, title }));
  const byId = (one: { id: string | undefined }, other: { id: string | undefined }) => one.id!.localeCompare(other.id!);
  expect(rows.toSorted(byId)).toEqual(known.toSorted(byId));
});

test('each check has a name of its own, and says what to do instead', () => {
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  for (const { why } of all) expect(why).toMatch(/^[A-Z].{40,}\.$/s);
});
