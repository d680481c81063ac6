import { type Generated, sql } from 'kysely';
import { type Migration, replaceIndexes, run, sqlTypes } from '../database/index.ts';
import { deletedMigrations } from './deleted-migration.ts';
import { lockMigrations } from './lock-migrations.ts';
import { budgetMigrations } from './storage-budgets-migration.ts';
import { usageMigrations } from './usage-migration.ts';

declare module '../database/tables.ts' {
  interface Tables {
    registries: { id: Generated<number>; name: string; created_at: number };
    /** Ids never return: a repository that is deleted and made anew is another one, to tokens and links as well. */
    repositories: {
      id: Generated<number>;
      registry_id: number;
      name: string;
      created_at: number;
      /** Since when it is on its way out because it is empty; a push takes that back. */
      retiring_at: number | null;
      /** 0 until its first manifest: a catalog passes over what has blobs alone. 2 and 3 from its deletion on: see retire-repository.ts. */
      listed: Generated<number>;
      /** See attributes.ts; of tags and manifests as well. */
      attributes: Generated<number>;
      locked_until: Generated<number>;
    };
    manifests: {
      registry_id: number;
      repository_id: number;
      digest: string;
      media_type: string;
      artifact_type: string | null;
      kind: string;
      size: number;
      subject_digest: string | null;
      /** JSON. */
      annotations: string | null;
      pushed_at: number;
      /** The exact bytes that were pushed. Behind the other columns, so that those are read without them. */
      bytes: Uint8Array;
      attributes: Generated<number>;
      locked_until: Generated<number>;
    };
    manifest_references: {
      registry_id: number;
      repository_id: number;
      manifest_digest: string;
      digest: string;
      role: string;
      required: number;
      size: number;
      media_type: string;
    };
    tags: {
      registry_id: number;
      repository_id: number;
      name: string;
      digest: string;
      created_at: number;
      updated_at: number;
      attributes: Generated<number>;
      locked_until: Generated<number>;
    };
    /** Every move of a tag; a null digest is its deletion. */
    tag_history: {
      id: Generated<number>;
      registry_id: number;
      repository_id: number;
      tag: string;
      digest: string | null;
      at: number;
      /** Who moved it; null of moves that nobody asked for, or that an older version recorded. */
      by_id: string | null;
      by_name: string | null;
    };
    /** One row: how far the history was looked through for what is old (see trim-history.ts). */
    tag_history_trim: { registry_id: number; passed_id: number };
    /** What was pulled and when last, beside what it says so of: rows of manifests are wide (see pulls.ts). */
    pulls: {
      registry_id: number;
      repository_id: number;
      /** A digest or a tag. */
      reference: string;
      last_pull_at: number;
      pulls: number;
    };
    /** How often clients of a region pulled on a day (see region-pulls.ts). */
    region_pulls: {
      registry_id: number;
      region: string;
      /** Days since 1970, UTC. */
      day: number;
      pulls: number;
    };
    /**
     * Which repository may read which blob. Key and size are the blob's own: they cannot change while a link holds
     * it, so a pull reads this one row.
     */
    blob_links: {
      registry_id: number;
      repository_id: number;
      digest: string;
      key: string;
      size: number;
      created_at: number;
    };
    /** A blob in a registry: how many repositories link it, and the sum of their ids, which is the one that is left. */
    registry_blobs: { digest: string; registry_id: number; size: number; links: number; repositories: number };
    /**
     * What a repository has (of a registry: repository 0), kept by triggers: see usage-migration.ts. `own_bytes`: of blobs
     * that no other repository of the registry has. On PostgreSQL a sum of what transactions before `folded_to` added.
     */
    storage_usage: {
      registry_id: number;
      repository_id: number;
      folded_to: Generated<number>;
      blobs: number;
      blob_bytes: number;
      own_bytes: number;
      manifests: number;
      manifest_bytes: number;
    };
    /** What was added since, on PostgreSQL alone; see fold-storage.ts. */
    storage_deltas: {
      xid: Generated<number>;
      registry_id: number;
      repository_id: number;
      blobs: number;
      blob_bytes: number;
      own_bytes: number;
      manifests: number;
      manifest_bytes: number;
    };
    /**
     * What processes may add to a registry (repository 0) or a repository without counting what is there; see
     * storage-budgets.ts.
     */
    storage_budgets: {
      registry_id: number;
      repository_id: number;
      /** Another one ends all slices of the one before. */
      epoch: number;
      /** The limit that it was counted for (bytes); -1: nobody may spend anything. */
      limit_bytes: number;
      /** What nobody has taken yet. */
      left_bytes: number;
    };
    /** How far what was stored before it was counted has been counted, see count-storage.ts. */
    storage_count: { what: string; repository_id: number; digest: string };
    /** What may be garbage from `not_before` on (see candidates.ts); everything else is not looked at. */
    gc_candidates: { registry_id: number; repository_id: number; kind: string; digest: string; not_before: number };
    /**
     * Who locked what, why and until when: read where somebody asks or is refused. Whether something is locked, its own
     * row says (attributes.ts).
     */
    locks: {
      registry_id: number;
      repository_id: number;
      kind: string;
      /** A tag or a digest; '' of a repository. */
      name: string;
      /** The manifest that it keeps: a locked tag keeps the one that it names. '' of a repository. */
      digest: string;
      /** See attributes.ts. */
      attributes: number;
      /** 1 where it keeps from being deleted. */
      keeps: number;
      locked_until: number;
      owner: string;
      reason: string | null;
      locked_at: number;
    };
    /** Custom metadata of repositories, tags and manifests. */
    custom_metadata: {
      registry_id: number;
      repository_id: number;
      kind: string;
      name: string;
      key: string;
      value: string;
      media_type: string;
      updated_at: number;
    };
    /** Manifests that were deleted and are kept for a while; see keep-deleted.ts. */
    deleted_manifests: {
      registry_id: number;
      /** Where its links are: a repository that was deleted whole keeps its id, and loses its name. */
      repository_id: number;
      /** The name under which it was deleted, and is restored. */
      repository: string;
      digest: string;
      media_type: string;
      artifact_type: string | null;
      kind: string;
      size: number;
      image_size: number;
      subject_digest: string | null;
      /** JSON. */
      annotations: string | null;
      pushed_at: number;
      deleted_at: number;
      /** Who deleted it; null of what the collector took. */
      by_id: string | null;
      by_name: string | null;
      bytes: Uint8Array;
    };
    /** What kept manifests name: links of these are not collected. */
    deleted_references: { registry_id: number; repository_id: number; manifest_digest: string; digest: string };
    /** Tags that went with manifests, also while such a one goes in several transactions. */
    deleted_tags: {
      registry_id: number;
      repository_id: number;
      repository: string;
      digest: string;
      name: string;
      deleted_at: number;
    };
  }
}

export const catalogMigrations: Migration[] = [
  {
    name: '0004-catalog',
    async up(db, dialect) {
      // Each index holds all that its look-ups read, or a planner without statistics takes a worse one that does.
      const { autoId, bytes, int, text } = sqlTypes(dialect);
      const scope = `registry_id ${int} NOT NULL, repository_id ${int} NOT NULL`;
      await run(db, [
        `CREATE TABLE registries (id ${autoId}, name ${text} NOT NULL UNIQUE, created_at ${int} NOT NULL)`,
        `CREATE TABLE repositories (id ${autoId}, registry_id ${int} NOT NULL, name ${text} NOT NULL,
          created_at ${int} NOT NULL, retiring_at ${int}, UNIQUE (registry_id, name))`,
        `CREATE TABLE manifests (${scope}, digest ${text} NOT NULL, media_type ${text} NOT NULL, artifact_type ${text},
          kind ${text} NOT NULL, size ${int} NOT NULL, subject_digest ${text}, annotations ${text},
          pushed_at ${int} NOT NULL, bytes ${bytes} NOT NULL, PRIMARY KEY (repository_id, digest))`,
        `CREATE INDEX manifests_subject ON manifests (repository_id, subject_digest, digest) WHERE subject_digest IS NOT NULL`,
        `CREATE TABLE manifest_references (${scope}, manifest_digest ${text} NOT NULL, digest ${text} NOT NULL,
          role ${text} NOT NULL, required ${int} NOT NULL, size ${int} NOT NULL, media_type ${text} NOT NULL,
          PRIMARY KEY (repository_id, manifest_digest, digest))`,
        `CREATE INDEX manifest_references_target ON manifest_references (repository_id, digest, manifest_digest)`,
        `CREATE TABLE tags (${scope}, name ${text} NOT NULL, digest ${text} NOT NULL, created_at ${int} NOT NULL,
          updated_at ${int} NOT NULL, PRIMARY KEY (repository_id, name))`,
        `CREATE INDEX tags_digest ON tags (repository_id, digest, name)`,
        `CREATE TABLE tag_history (id ${autoId}, ${scope}, tag ${text} NOT NULL, digest ${text}, at ${int} NOT NULL)`,
        `CREATE INDEX tag_history_tag ON tag_history (repository_id, tag, id)`,
        `CREATE TABLE blob_links (${scope}, digest ${text} NOT NULL, "key" ${text} NOT NULL, size ${int} NOT NULL,
          created_at ${int} NOT NULL, PRIMARY KEY (repository_id, digest))`,
        `CREATE INDEX blob_links_digest ON blob_links (digest, registry_id)`,
        `CREATE TABLE gc_candidates (${scope}, kind ${text} NOT NULL, digest ${text} NOT NULL,
          not_before ${int} NOT NULL, PRIMARY KEY (repository_id, kind, digest))`,
        `CREATE INDEX gc_candidates_due ON gc_candidates (not_before, repository_id, kind, digest)`,
      ]);
    },
  },
  {
    name: '0008-rows-in-their-keys',
    // What is found by its whole key lies in the key's own index on SQLite: one tree to search and to write, not two.
    // A database of a million tags is a quarter smaller. PostgreSQL has no such tables.
    async up(db, dialect) {
      if (dialect !== 'sqlite') return;
      for (const table of ['manifest_references', 'tags', 'blob_links', 'gc_candidates']) {
        const made = sql<{ sql: string }>`SELECT sql FROM sqlite_master WHERE tbl_name = ${table} AND sql IS NOT NULL
          ORDER BY type DESC`;
        const [definition, ...indexes] = (await made.execute(db)).rows.map((row) => row.sql);
        await run(db, [
          `ALTER TABLE ${table} RENAME TO former`,
          `${definition!} WITHOUT ROWID`,
          `INSERT INTO ${table} SELECT * FROM former`,
          'DROP TABLE former',
          ...indexes,
        ]);
      }
    },
  },
  {
    name: '0009-referrers-by-type',
    async up(db) {
      // Of ten thousand signatures of an image, a client asks for the one that is an SBOM.
      await run(db, [
        `CREATE INDEX manifests_subject_type ON manifests (repository_id, subject_digest, artifact_type, digest)
          WHERE subject_digest IS NOT NULL`,
      ]);
    },
  },
  {
    name: '0010-links-by-digest',
    // With the repository in it: PostgreSQL took it for look-ups of one link, and read those of a layer that ten
    // thousand repositories have.
    ...replaceIndexes({ blob_links_digest: 'blob_links (digest, repository_id, registry_id)' }),
  },
  {
    name: '0011-listed-repositories',
    async up(db, dialect) {
      // Whatever came before, or comes from a node that does not know of it, is looked at as it was.
      await run(db, [
        `ALTER TABLE repositories ADD COLUMN listed ${sqlTypes(dialect).int} NOT NULL DEFAULT 1`,
        'CREATE INDEX repositories_listed ON repositories (registry_id, name) WHERE listed = 1',
      ]);
    },
  },
  {
    name: '0012-by-digest-first',
    // Beginning with the repository, they had every column of look-ups by name and by manifest, too. PostgreSQL took
    // them for those, because what it needs is in the index: cheap in a repository of ten tags, and reads the whole of
    // one that has a hundred thousand.
    ...replaceIndexes({
      tags_digest: 'tags (digest, repository_id, name)',
      manifest_references_target: 'manifest_references (digest, repository_id, manifest_digest)',
    }),
  },
  {
    name: '0013-candidates-by-digest',
    // Of most repositories there is one candidate or none, so PostgreSQL read all of a repository, and compared then.
    async up(db, dialect) {
      if (dialect === 'sqlite') return;
      await run(db, ['CREATE UNIQUE INDEX gc_candidates_key ON gc_candidates (digest, repository_id, kind)']);
    },
    exclusive: {
      tables: ['gc_candidates'],
      async up(db, dialect) {
        if (dialect === 'sqlite') return;
        await run(db, [
          `ALTER TABLE gc_candidates DROP CONSTRAINT gc_candidates_pkey,
            ADD CONSTRAINT gc_candidates_pkey PRIMARY KEY USING INDEX gc_candidates_key`,
        ]);
      },
    },
  },
  {
    name: '0019-by-time',
    async up(db) {
      // Of a hundred thousand tags, whoever cleans up asks for the oldest ones.
      await run(db, [
        'CREATE INDEX tags_updated ON tags (repository_id, updated_at, name)',
        'CREATE INDEX manifests_pushed ON manifests (repository_id, pushed_at, digest)',
      ]);
    },
  },
  {
    name: '0020-retired-repositories',
    async up(db) {
      await run(db, ['CREATE INDEX repositories_retired ON repositories (retiring_at, id) WHERE listed = 2']);
    },
  },
  {
    name: '0035-who-moved-a-tag',
    async up(db, dialect) {
      const { int } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE tag_history_trim (registry_id ${int} NOT NULL PRIMARY KEY, passed_id ${int} NOT NULL)`,
      ]);
    },
    exclusive: {
      tables: ['tag_history'],
      async up(db, dialect) {
        const { text } = sqlTypes(dialect);
        await run(db, [
          `ALTER TABLE tag_history ADD COLUMN by_id ${text}`,
          `ALTER TABLE tag_history ADD COLUMN by_name ${text}`,
        ]);
      },
    },
  },
  {
    name: '0036-pulls',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      const inKey = dialect === 'sqlite' ? ' WITHOUT ROWID' : '';
      await run(db, [
        `CREATE TABLE pulls (registry_id ${int} NOT NULL, repository_id ${int} NOT NULL, reference ${text} NOT NULL,
          last_pull_at ${int} NOT NULL, pulls ${int} NOT NULL, PRIMARY KEY (repository_id, reference))${inKey}`,
        `CREATE TABLE region_pulls (registry_id ${int} NOT NULL, region ${text} NOT NULL, day ${int} NOT NULL,
          pulls ${int} NOT NULL, PRIMARY KEY (day, registry_id, region))${inKey}`,
      ]);
    },
  },
  {
    name: '0091-where-a-manifest-is',
    async up(db) {
      // What is known of a digest concerns whichever repositories have it.
      await run(db, ['CREATE INDEX manifests_digest ON manifests (digest, repository_id)']);
    },
  },
  ...lockMigrations,
  ...usageMigrations,
  ...budgetMigrations,
  ...deletedMigrations,
];
