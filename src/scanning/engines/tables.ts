import { type Migration, run, sqlTypes } from '../../database/index.ts';

declare module '../../database/tables.ts' {
  interface Tables {
    /** One row an image and engine: whether it waits, and what the engine has said of it last. */
    engine_scans: {
      scan_id: number;
      engine: string;
      state: 'queued' | 'running' | 'done' | 'failed';
      /** ms; a retry waits. */
      not_before: number;
      requested_at: number;
      /** How often it was begun since it last ended well. */
      attempts: number;
      /** Counts up with each time that it is begun: what a runner that was given up writes is compared to it. */
      fence: number;
      /** Counts up with each time that it is asked for: what comes while it runs makes it run again. */
      requests: number;
      /** The node that runs it; null where nodes are not what tells processes apart. */
      holder: number | null;
      /** When it last ended well (ms). */
      ended_at: number | null;
      /** Why the last attempt ended without a report, or why there is none to be had. */
      error: string | null;
      /** Counts up with each report. */
      version: number;
      /** JSON: what the engine is, how many findings it has, and whether there are more. */
      about: string | null;
      /** Its findings: compressed JSON; null where it has never said anything. */
      body: Uint8Array | null;
    };
    /** Images with what only engines say against them: which vulnerability, and of which package (package URL). */
    engine_findings: { vulnerability: string; scan_id: number; purl: string };
  }
}

export const engineMigrations: Migration[] = [
  {
    name: '0095-engine-scans',
    async up(db, dialect) {
      const { int, text, bytes } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE engine_scans (scan_id ${int} NOT NULL, engine ${text} NOT NULL, state ${text} NOT NULL,
          not_before ${int} NOT NULL, requested_at ${int} NOT NULL, attempts ${int} NOT NULL DEFAULT 0,
          fence ${int} NOT NULL DEFAULT 0, requests ${int} NOT NULL DEFAULT 1, holder ${int}, ended_at ${int},
          error ${text}, version ${int} NOT NULL DEFAULT 0, about ${text}, body ${bytes}, PRIMARY KEY (scan_id, engine))`,
        `CREATE INDEX engine_scans_queue ON engine_scans (engine, not_before, scan_id) WHERE state = 'queued'`,
        `CREATE INDEX engine_scans_running ON engine_scans (scan_id) WHERE state = 'running'`,
        `CREATE INDEX engine_scans_failed ON engine_scans (engine) WHERE state = 'failed'`,
        `CREATE INDEX engine_scans_engine ON engine_scans (engine, scan_id)`,
        `ALTER TABLE image_findings ADD COLUMN engines ${text} NOT NULL DEFAULT ''`,
      ]);
    },
  },
  {
    name: '0098-what-engines-find',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE engine_findings (vulnerability ${text} NOT NULL, scan_id ${int} NOT NULL, purl ${text} NOT NULL,
          PRIMARY KEY (vulnerability, scan_id, purl))${dialect === 'sqlite' ? ' WITHOUT ROWID' : ''}`,
        `CREATE INDEX engine_findings_of ON engine_findings (scan_id)`,
      ]);
    },
  },
];
