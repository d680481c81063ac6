import { type Migration, run, sqlTypes } from '../database/index.ts';

declare module '../database/tables.ts' {
  interface Tables {
    /** Everything that is managed: registries, identities, assignments … What has been deleted is kept for a while. */
    resources: {
      /** The id, lower-cased. */
      key: string;
      /** The id as it was first written. */
      id: string;
      /** Lower-cased, such as `microsoft.containerregistry/registries/tokens`. */
      type: string;
      /** Key of what it lies in: a resource, a group, any scope. */
      parent: string;
      /** JSON: location, tags, sku, identity, properties. */
      body: string;
      etag: string;
      created_at: number;
      updated_at: number;
      created_by: string;
      updated_by: string;
      /** Place among all changes; no two have the same. */
      stamp: number;
      /** Region that may write it; empty where there is one. */
      home: string;
      deleted_at: number | null;
    };
    /**
     * One row. Whoever writes resources holds its lock until the commit, so that stamps are in the order of commits, and
     * nobody else changes what was checked.
     */
    resource_clock: {
      id: number;
      /** The latest stamp. */
      value: number;
      /** Latest stamp of a deletion that is forgotten: who has seen less reads everything anew. */
      trimmed: number;
    };
  }
}

export const resourceMigrations: Migration[] = [
  {
    name: '0015-resources',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE resources ("key" ${text} PRIMARY KEY, id ${text} NOT NULL, type ${text} NOT NULL,
          parent ${text} NOT NULL, body ${text} NOT NULL, etag ${text} NOT NULL, created_at ${int} NOT NULL,
          updated_at ${int} NOT NULL, created_by ${text} NOT NULL, updated_by ${text} NOT NULL,
          stamp ${int} NOT NULL, home ${text} NOT NULL, deleted_at ${int})`,
        'CREATE UNIQUE INDEX resources_stamp ON resources (stamp)',
        'CREATE INDEX resources_type ON resources (type, "key") WHERE deleted_at IS NULL',
        'CREATE INDEX resources_parent ON resources (parent, type, "key") WHERE deleted_at IS NULL',
        'CREATE INDEX resources_deleted ON resources (deleted_at) WHERE deleted_at IS NOT NULL',
        `CREATE TABLE resource_clock (id ${int} PRIMARY KEY, value ${int} NOT NULL, trimmed ${int} NOT NULL)`,
        'INSERT INTO resource_clock (id, value, trimmed) VALUES (1, 0, 0)',
      ]);
    },
  },
];
