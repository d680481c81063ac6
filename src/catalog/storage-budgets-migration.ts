import { type Migration, run, sqlTypes } from '../database/index.ts';
import { postgresRemovals } from './usage-triggers-postgres.ts';

/** More than any limit, and what a number still holds when a push is added. */
const beyondAll = 2 ** 52;

/**
 * Asked by nodes of the version before, which know of no budgets. So that nobody spends one beside them, they take turns:
 * who wants to share a limit is told that it is used up, comes again for it alone, and ends the budget.
 */
const claimFunction = `CREATE OR REPLACE FUNCTION storage_claim(of_registry BIGINT, of_name TEXT, space INT, place INT, how_registry INT,
    how_repository INT, OUT registry BIGINT, OUT repository BIGINT, OUT connections INT) LANGUAGE plpgsql AS $body$
  DECLARE of_repository BIGINT;
  BEGIN
    IF how_registry = 2 THEN PERFORM pg_advisory_xact_lock(space, 0); END IF;
    IF how_repository = 2 THEN PERFORM pg_advisory_xact_lock(space, place); END IF;
    SELECT r.id INTO of_repository FROM repositories r WHERE r.registry_id = of_registry AND r.name = of_name;
    UPDATE storage_budgets b SET epoch = b.epoch + 1, limit_bytes = -1, left_bytes = 0
      WHERE b.registry_id = of_registry AND b.limit_bytes >= 0
        AND (how_registry = 2 AND b.repository_id = 0 OR how_repository = 2 AND b.repository_id = of_repository);
    registry := CASE how_registry WHEN 1 THEN ${beyondAll} WHEN 2 THEN storage_used(of_registry, 0) END;
    repository := CASE how_repository WHEN 1 THEN ${beyondAll} WHEN 2 THEN storage_used(of_registry, of_repository) END;
    connections := current_setting('max_connections')::int;
  END $body$`;

/** A budget goes with what it is of. */
const removed = (table: string, condition: string) => `CREATE TRIGGER storage_budget_of_${table}_removed
  AFTER DELETE ON ${table} BEGIN DELETE FROM storage_budgets WHERE ${condition}; END`;

export const budgetMigrations: Migration[] = [
  {
    name: '0060-storage-budgets',
    async up(db, dialect) {
      const { int } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE storage_budgets (registry_id ${int} NOT NULL, repository_id ${int} NOT NULL, epoch ${int} NOT NULL,
          limit_bytes ${int} NOT NULL, left_bytes ${int} NOT NULL,
          PRIMARY KEY (registry_id, repository_id))${dialect === 'sqlite' ? ' WITHOUT ROWID' : ''}`,
        ...(dialect === 'sqlite'
          ? [
              removed('repositories', 'registry_id = OLD.registry_id AND repository_id = OLD.id'),
              removed('registries', 'registry_id = OLD.id AND repository_id = 0'),
            ]
          : [
              claimFunction,
              ...postgresRemovals('CREATE OR REPLACE', ['storage_usage', 'storage_deltas', 'storage_budgets']),
            ]),
      ]);
    },
  },
];
