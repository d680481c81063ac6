import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import type { Database } from '../database/index.ts';
import { createOutbound } from '../outbound/index.ts';
import type { Component } from '../packages/index.ts';
import { beginFeed, succeedFeed } from './feed-rows.ts';
import type { RefreshContext } from './feeds/feeds.ts';
import type { ImportContext } from './import-context.ts';
import { type Imported, importRecords, type Item } from './import-records.ts';
import type { OsvAffected, OsvRecord } from './osv.ts';
import { advisoryMigrations } from './tables.ts';

export const openAdvisories = (): Promise<TestDatabase> => openTestDatabase(advisoryMigrations);

export function contextOf(db: TestDatabase, more: Partial<ImportContext> = {}): ImportContext {
  return { db, now: Date.now, rest: async () => {}, maxBytes: 2 ** 30, ...more };
}

/** What refreshes from a mirror; there is no registry. */
export function refreshContextOf(
  db: TestDatabase,
  mirror: { host: string },
  more: Partial<RefreshContext> = {},
): RefreshContext {
  return {
    ...contextOf(db),
    fetcher: {
      outbound: createOutbound({ allow: [mirror.host] }),
      signal: new AbortController().signal,
      sleep: async () => {},
    },
    openArtifact: () => Promise.reject(new Error('there is no registry')),
    ...more,
  };
}

/** An advisory of one package, all of whose versions before one are bad. */
export function advisory(
  id: string,
  name: string,
  fixed: string | undefined,
  more: Partial<OsvRecord> & { ecosystem?: string; entry?: Partial<OsvAffected> } = {},
): OsvRecord {
  const { ecosystem = 'npm', entry, ...rest } = more;
  const events = [{ introduced: '0' }, ...(fixed === undefined ? [] : [{ fixed }])];
  return {
    id,
    modified: '2026-01-01T00:00:00Z',
    affected: [{ package: { ecosystem, name }, ranges: [{ type: 'ECOSYSTEM', events }], ...entry }],
    ...rest,
  };
}

export function component(name: string, version: string, ecosystem = 'npm', release = ''): Component {
  return { ecosystem, release, name, version };
}

export async function* itemsOf(records: readonly unknown[]): AsyncGenerator<Item> {
  for (const json of records) yield { json };
}

/** Imports records as one feed, whole where nothing else is said; up to date at `okAt` (ms). */
export async function importAll(
  db: Database,
  records: readonly unknown[],
  {
    part = 'osv/npm',
    ecosystem,
    whole = true,
    okAt,
  }: { part?: string; ecosystem?: string; whole?: boolean; okAt?: number } = {},
): Promise<Imported> {
  await beginFeed(db, { id: part, origin: 'test', licence: '', now: Date.now() });
  const imported = await importRecords(db, () => itemsOf(records), { part, ecosystem, whole, rest: async () => {} });
  if (okAt !== undefined) await succeedFeed(db, { id: part, now: okAt, dueAt: 0 });
  return imported;
}
