import type { Generated } from 'kysely';
import { type Migration, run, sqlTypes } from '../database/index.ts';

declare module '../database/tables.ts' {
  interface Tables {
    /** One row: the revision that all that is known here has; whoever changes any of it locks this first. */
    advisory_clock: { id: number; revision: number };
    /** Where advisories come from, and how fresh each is. Its id is the part of the advisories that it owns. */
    advisory_feeds: {
      /** Such as `osv/Debian`, `alpine-secdb/v3.19/main`, `kev`. */
      id: string;
      /** Where it was fetched last, for people. */
      origin: string;
      licence: string;
      /** ETag of the whole export, and how far increments have come: what only its feed understands. */
      etag: string;
      position: string;
      /** Advisories of it that are stored. */
      records: number;
      /** What was left out of the last whole import, because it is malformed or beyond a bound. */
      refused: number;
      /** Revision of its last change. */
      revision: number;
      /** That revision when it was up to date last, and when it was so first with that one (ms). */
      changed_revision: Generated<number>;
      changed_at: Generated<number>;
      /** When it was last up to date, tried, and wholly fetched (ms); 0: never. */
      ok_at: number;
      attempt_at: number;
      whole_at: number;
      /** Of the last attempt, where that failed, or left something undone. */
      error: string;
      /** Attempts that failed in a row. */
      failures: number;
      /** From when on it is tried again (ms). */
      due_at: number;
      /** Counts those who began to write its records: the last one alone goes on. */
      run: Generated<number>;
    };
    advisories: {
      id: number;
      /** The feed that it is of: what that feed no longer has, goes. */
      part: string;
      record_id: string;
      /** Of its content: what has not changed is not written again. */
      digest: string;
      /** zstd of JSON: an OSV record without what it affects. */
      record: Uint8Array;
      /** 0: it has no severity, nor says one of a package; others may lend it one. */
      rated: Generated<number>;
    };
    /** By which ids an advisory is known: its own, aliases, and what it is a distribution's word on. */
    advisory_aliases: { alias: string; advisory_id: number };
    /** What an advisory affects, found by what a component is called. */
    affected_packages: {
      ecosystem: string;
      name: string;
      /** '' where it holds for all releases. */
      release: string;
      advisory_id: number;
      /** Its place in the record. */
      position: number;
      /** zstd of JSON: an entry of `affected` in an OSV record, but for what follows. There may be thousands of versions in it. */
      entry: Uint8Array;
      /** JSON of what it says beside versions, such as a severity; empty where that is nothing. */
      said: string;
    };
    /** A package in one version, shared by all images that have it. */
    components: {
      id: number;
      /** Hash of the four that follow. */
      key: string;
      ecosystem: string;
      release: string;
      name: string;
      version: string;
      /** Of the last change of what is known against it; 0: nothing ever was. */
      revision: number;
    };
    /** What is known against a component, whichever images have it. */
    component_matches: {
      component_id: number;
      advisory_id: number;
      /** JSON of `StoredMatch`. */
      match: string;
    };
    /** CISA's catalogue of vulnerabilities that are exploited. */
    known_exploited: {
      cve: string;
      /** `2024-01-31`. */
      date_added: string;
      /** Whether ransomware is known to use it: 0 or 1. */
      ransomware: number;
    };
    /** EPSS: how likely somebody exploits it within 30 days. */
    exploit_predictions: {
      cve: string;
      /** Hundred thousandths. */
      probability: number;
      percentile: number;
      /** The probability at which components were last told to be looked at again. */
      told: number;
    };
  }
}

export const advisoryMigrations: Migration[] = [
  {
    name: '0070-advisories',
    async up(db, dialect) {
      const { autoId, int, text, bytes } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE advisory_clock (id ${int} PRIMARY KEY, revision ${int} NOT NULL)`,
        'INSERT INTO advisory_clock (id, revision) VALUES (1, 0)',
        `CREATE TABLE advisory_feeds (id ${text} PRIMARY KEY, origin ${text} NOT NULL, licence ${text} NOT NULL,
          etag ${text} NOT NULL, position ${text} NOT NULL, records ${int} NOT NULL, refused ${int} NOT NULL,
          revision ${int} NOT NULL, ok_at ${int} NOT NULL, attempt_at ${int} NOT NULL, whole_at ${int} NOT NULL,
          error ${text} NOT NULL, failures ${int} NOT NULL, due_at ${int} NOT NULL)`,
        `CREATE TABLE advisories (id ${autoId}, part ${text} NOT NULL, record_id ${text} NOT NULL, digest ${text} NOT NULL,
          record ${bytes} NOT NULL)`,
        'CREATE UNIQUE INDEX advisories_record ON advisories (part, record_id)',
        `CREATE TABLE advisory_aliases (alias ${text} NOT NULL, advisory_id ${int} NOT NULL, PRIMARY KEY (alias, advisory_id))`,
        'CREATE INDEX advisory_aliases_advisory ON advisory_aliases (advisory_id)',
        `CREATE TABLE affected_packages (ecosystem ${text} NOT NULL, name ${text} NOT NULL, release ${text} NOT NULL,
          advisory_id ${int} NOT NULL, position ${int} NOT NULL, entry ${bytes} NOT NULL, said ${text} NOT NULL,
          PRIMARY KEY (ecosystem, name, release, advisory_id, position))`,
        'CREATE INDEX affected_packages_advisory ON affected_packages (advisory_id, position)',
        `CREATE TABLE components (id ${autoId}, "key" ${text} NOT NULL, ecosystem ${text} NOT NULL, release ${text} NOT NULL,
          name ${text} NOT NULL, version ${text} NOT NULL, revision ${int} NOT NULL)`,
        'CREATE UNIQUE INDEX components_key ON components ("key")',
        'CREATE INDEX components_package ON components (ecosystem, name)',
        'CREATE INDEX components_release ON components (ecosystem, release)',
        'CREATE INDEX components_name ON components (name, id)',
        'CREATE INDEX components_revision ON components (revision, id)',
        `CREATE TABLE component_matches (component_id ${int} NOT NULL, advisory_id ${int} NOT NULL, match ${text} NOT NULL,
          PRIMARY KEY (component_id, advisory_id))`,
        'CREATE INDEX component_matches_advisory ON component_matches (advisory_id, component_id)',
        `CREATE TABLE known_exploited (cve ${text} PRIMARY KEY, date_added ${text} NOT NULL, ransomware ${int} NOT NULL)`,
        `CREATE TABLE exploit_predictions (cve ${text} PRIMARY KEY, probability ${int} NOT NULL, percentile ${int} NOT NULL,
          told ${int} NOT NULL)`,
      ]);
    },
  },
  {
    name: '0071-ratings',
    up: async () => {},
    // What was stored before, or comes from a node that does not know of it, is taken for rated: what borrows is looked at again
    // with the next scan of its images then.
    exclusive: {
      tables: ['advisories'],
      up: (db, dialect) =>
        run(db, [`ALTER TABLE advisories ADD COLUMN rated ${sqlTypes(dialect).int} NOT NULL DEFAULT 1`]),
    },
  },
  {
    name: '0101-advisory-runs',
    up: async () => {},
    exclusive: {
      tables: ['advisory_feeds'],
      up: (db, dialect) =>
        run(db, [`ALTER TABLE advisory_feeds ADD COLUMN run ${sqlTypes(dialect).int} NOT NULL DEFAULT 0`]),
    },
  },
  {
    name: '0102-advisory-news',
    up: async () => {},
    exclusive: {
      tables: ['advisory_feeds'],
      up: (db, dialect) =>
        run(
          db,
          ['changed_revision', 'changed_at'].map((column) => {
            return `ALTER TABLE advisory_feeds ADD COLUMN ${column} ${sqlTypes(dialect).int} NOT NULL DEFAULT 0`;
          }),
        ),
    },
  },
];
