/*
 * How storage is counted on PostgreSQL: in the statements that change links and manifests, whatever version of this
 * program sends them. They only append to `storage_deltas`, so that no push waits for another one, or has to find its way
 * through the versions of a row that all others change, too; fold-storage.ts sums them up.
 */

const columns = ['registry_id', 'repository_id', 'blobs', 'blob_bytes', 'own_bytes', 'manifests', 'manifest_bytes'];
const append = `INSERT INTO storage_deltas (${columns.join(', ')}) VALUES`;

const linkFunction = `CREATE FUNCTION storage_link(link blob_links) RETURNS VOID LANGUAGE plpgsql AS $body$
  DECLARE held registry_blobs;
  BEGIN
    INSERT INTO registry_blobs AS b (digest, registry_id, size, links, repositories)
      VALUES (link.digest, link.registry_id, link.size, 1, link.repository_id)
      ON CONFLICT (digest, registry_id)
        DO UPDATE SET links = b.links + 1, repositories = b.repositories + excluded.repositories
      RETURNING * INTO held;
    IF held.links = 1 THEN
      ${append} (link.registry_id, 0, 1, held.size, 0, 0, 0),
        (link.registry_id, link.repository_id, 1, link.size, held.size, 0, 0);
    ELSIF held.links = 2 THEN
      -- The one that had it alone until now.
      ${append} (link.registry_id, link.repository_id, 1, link.size, 0, 0, 0),
        (link.registry_id, held.repositories - link.repository_id, 0, 0, -held.size, 0, 0);
    ELSE
      ${append} (link.registry_id, link.repository_id, 1, link.size, 0, 0, 0);
    END IF;
  END $body$`;

const unlinkFunction = `CREATE FUNCTION storage_unlink(link blob_links) RETURNS VOID LANGUAGE plpgsql AS $body$
  DECLARE held registry_blobs;
  BEGIN
    UPDATE registry_blobs b SET links = b.links - 1, repositories = b.repositories - link.repository_id
      WHERE b.digest = link.digest AND b.registry_id = link.registry_id RETURNING * INTO held;
    IF NOT FOUND THEN RETURN; END IF;
    IF held.links = 0 THEN
      DELETE FROM registry_blobs b WHERE b.digest = link.digest AND b.registry_id = link.registry_id;
      ${append} (link.registry_id, 0, -1, -held.size, 0, 0, 0),
        (link.registry_id, link.repository_id, -1, -link.size, -held.size, 0, 0);
    ELSIF held.links = 1 THEN
      -- The one that is left with it.
      ${append} (link.registry_id, link.repository_id, -1, -link.size, 0, 0, 0),
        (link.registry_id, held.repositories, 0, 0, held.size, 0, 0);
    ELSE
      ${append} (link.registry_id, link.repository_id, -1, -link.size, 0, 0, 0);
    END IF;
  END $body$`;

/** What was stored before is counted by count-storage.ts, in the order of digests; what lies behind is not looked at. */
const linkTrigger = `CREATE FUNCTION storage_link_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $body$
  DECLARE counted TEXT COLLATE "C";
  BEGIN
    SELECT c.digest INTO counted FROM storage_count c WHERE c.what = 'links';
    IF TG_OP = 'INSERT' THEN
      IF NEW.digest <= counted THEN PERFORM storage_link(NEW); END IF;
    ELSIF OLD.digest <= counted THEN
      IF TG_OP = 'DELETE' THEN
        PERFORM storage_unlink(OLD);
      ELSIF OLD.size <> NEW.size THEN
        PERFORM storage_unlink(OLD);
        PERFORM storage_link(NEW);
      END IF;
    END IF;
    RETURN NULL;
  END $body$`;

const manifestTrigger = `CREATE FUNCTION storage_manifest_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $body$
  DECLARE counted storage_count;
  BEGIN
    SELECT * INTO counted FROM storage_count c WHERE c.what = 'manifests';
    IF TG_OP = 'INSERT' THEN
      IF (NEW.repository_id, NEW.digest) <= (counted.repository_id, counted.digest) THEN
        ${append} (NEW.registry_id, 0, 0, 0, 0, 1, NEW.size), (NEW.registry_id, NEW.repository_id, 0, 0, 0, 1, NEW.size);
      END IF;
    ELSIF (OLD.repository_id, OLD.digest) <= (counted.repository_id, counted.digest) THEN
      ${append} (OLD.registry_id, 0, 0, 0, 0, -1, -OLD.size), (OLD.registry_id, OLD.repository_id, 0, 0, 0, -1, -OLD.size);
    END IF;
    RETURN NULL;
  END $body$`;

/** What a repository, or a registry, has goes with it. */
export function postgresRemovals(create: string, tables: readonly string[]): string[] {
  const removal = (
    name: string,
    condition: string,
  ) => `${create} FUNCTION ${name}() RETURNS TRIGGER LANGUAGE plpgsql AS $body$
  BEGIN
    ${tables.map((table) => `DELETE FROM ${table} u WHERE ${condition};`).join('\n    ')}
    RETURN NULL;
  END $body$`;
  return [
    removal('storage_repository_removed', 'u.registry_id = OLD.registry_id AND u.repository_id = OLD.id'),
    removal('storage_registry_removed', 'u.registry_id = OLD.id AND u.repository_id = 0'),
  ];
}

/** Bytes of a repository, or of a registry (repository 0), as usage.ts reads them: one statement, and so one moment. */
const usedFunction = `CREATE FUNCTION storage_used(of_registry BIGINT, of_repository BIGINT) RETURNS BIGINT
  LANGUAGE plpgsql AS $body$
  BEGIN
    RETURN (
      WITH folded AS (
        SELECT u.folded_to, u.blob_bytes + u.manifest_bytes AS bytes FROM storage_usage u
        WHERE u.registry_id = of_registry AND u.repository_id = of_repository ORDER BY u.folded_to DESC LIMIT 1
      ) SELECT COALESCE((SELECT bytes FROM folded), 0) + COALESCE(SUM(d.blob_bytes + d.manifest_bytes), 0)
      FROM storage_deltas d WHERE d.registry_id = of_registry AND d.repository_id = of_repository
        AND d.xid + 0 >= COALESCE((SELECT folded_to FROM folded
          WHERE folded_to <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint), 0)
    );
  END $body$`;

/**
 * Takes the locks of limits (0: none, 1: shared, 2: alone), and looks then at what is in use: each statement of it sees what
 * was committed before it began. Replaced by storage-budgets-migration.ts, for nodes of the version before.
 */
const claimFunction = `CREATE FUNCTION storage_claim(of_registry BIGINT, of_name TEXT, space INT, place INT, how_registry INT,
    how_repository INT, OUT registry BIGINT, OUT repository BIGINT, OUT connections INT) LANGUAGE plpgsql AS $body$
  BEGIN
    IF how_registry = 1 THEN PERFORM pg_advisory_xact_lock_shared(space, 0);
    ELSIF how_registry = 2 THEN PERFORM pg_advisory_xact_lock(space, 0);
    END IF;
    IF how_repository = 1 THEN PERFORM pg_advisory_xact_lock_shared(space, place);
    ELSIF how_repository = 2 THEN PERFORM pg_advisory_xact_lock(space, place);
    END IF;
    IF how_registry > 0 THEN registry := storage_used(of_registry, 0); END IF;
    IF how_repository > 0 THEN
      repository := storage_used(of_registry,
        (SELECT r.id FROM repositories r WHERE r.registry_id = of_registry AND r.name = of_name));
    END IF;
    connections := current_setting('max_connections')::int;
  END $body$`;

export const postgresTriggers: readonly string[] = [
  usedFunction,
  claimFunction,
  linkFunction,
  unlinkFunction,
  linkTrigger,
  manifestTrigger,
  ...postgresRemovals('CREATE', ['storage_usage', 'storage_deltas']),
  // In the order in which a push comes to them. Readers go on.
  'LOCK TABLE repositories, blob_links, manifests, registries IN SHARE ROW EXCLUSIVE MODE',
  `CREATE TRIGGER storage_link_changed AFTER INSERT OR DELETE OR UPDATE OF size ON blob_links
    FOR EACH ROW EXECUTE FUNCTION storage_link_changed()`,
  `CREATE TRIGGER storage_manifest_changed AFTER INSERT OR DELETE ON manifests
    FOR EACH ROW EXECUTE FUNCTION storage_manifest_changed()`,
  `CREATE TRIGGER storage_repository_removed AFTER DELETE ON repositories
    FOR EACH ROW EXECUTE FUNCTION storage_repository_removed()`,
  `CREATE TRIGGER storage_registry_removed AFTER DELETE ON registries
    FOR EACH ROW EXECUTE FUNCTION storage_registry_removed()`,
];
