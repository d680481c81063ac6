import type { Generated } from 'kysely';
import { type Migration, run, sqlTypes } from '../database/index.ts';

export type ScanState = 'queued' | 'running' | 'done' | 'failed';

declare module '../database/tables.ts' {
  interface Tables {
    /** One row an image, by its digest, in whichever repositories it is: whether it waits to be scanned, and how that went. */
    scans: {
      id: Generated<number>;
      digest: string;
      state: ScanState;
      /** The higher, the sooner; see queue.ts. */
      priority: number;
      /** ms; a retry waits. */
      not_before: number;
      requested_at: number;
      /** Why it was asked for: 'push', 'import' … */
      reason: string;
      /** How often it was begun since it last ended well. */
      attempts: number;
      started_at: number | null;
      /** When it last ended well (ms). */
      ended_at: number | null;
      /** Counts up with each time that it is begun: what a runner that was given up writes is compared to it. */
      fence: Generated<number>;
      /** Counts up with each time that it is asked for: what comes while it runs makes it run again. */
      requests: Generated<number>;
      /** The node that runs it; null where nodes are not what tells processes apart. */
      holder: number | null;
      error: string | null;
    };
    /** What was found in a layer, by the revision of what looked: compressed JSON, or why nothing can be said. */
    layer_inventories: {
      digest: string;
      revision: number;
      body: Uint8Array | null;
      failure: string | null;
      /** How often it failed. */
      failures: number;
      read_at: number;
    };
    /** What is in an image: compressed JSON of its inventory; see image-store.ts. */
    image_inventories: {
      scan_id: number;
      revision: number;
      status: string;
      body: Uint8Array;
      scanned_at: number;
      /** What of it advisories are compared with; see matched-packages.ts. */
      packages: Uint8Array | null;
    };
    /** Which images have a component. */
    image_components: { component_id: number; scan_id: number };
    /** What is known against an image now: compressed JSON of its findings, and their numbers. */
    image_findings: {
      scan_id: number;
      /** Counts up with each time that they are evaluated. */
      version: number;
      /** Which reports of engines are among them. */
      engines: Generated<string>;
      body: Uint8Array;
      /** JSON: numbers by severity, and whether there are more findings than are kept. */
      summary: string;
      advisory_revision: number;
      /** Of the inventory that they speak of. */
      scanned_at: number;
      evaluated_at: number;
      /** Which they are, and since when; see seen-findings.ts. */
      seen: Uint8Array | null;
    };
    /** One row: up to which revision of the advisories images are evaluated. */
    evaluated_advisories: { id: number; revision: number };
    /** What came and went after the first scan of an image. */
    finding_changes: {
      id: Generated<number>;
      scan_id: number;
      vulnerability: string;
      purl: string;
      change: 'opened' | 'closed';
      at: number;
      advisory_revision: number;
    };
  }
}

export const scanningMigrations: Migration[] = [
  {
    name: '0090-scans',
    async up(db, dialect) {
      const { autoId: id, int, text, bytes } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE scans (id ${id}, digest ${text} NOT NULL UNIQUE, state ${text} NOT NULL, priority ${int} NOT NULL,
          not_before ${int} NOT NULL, requested_at ${int} NOT NULL, reason ${text} NOT NULL, attempts ${int} NOT NULL,
          started_at ${int}, ended_at ${int}, fence ${int} NOT NULL DEFAULT 0, requests ${int} NOT NULL DEFAULT 1, holder ${int}, error ${text})`,
        `CREATE INDEX scans_queue ON scans (priority DESC, not_before, id) WHERE state = 'queued'`,
        `CREATE INDEX scans_running ON scans (id) WHERE state = 'running'`,
        `CREATE INDEX scans_failed ON scans (id) WHERE state = 'failed'`,
        `CREATE TABLE layer_inventories (digest ${text} NOT NULL, revision ${int} NOT NULL, body ${bytes}, failure ${text},
          failures ${int} NOT NULL, read_at ${int} NOT NULL, PRIMARY KEY (digest, revision))`,
        `CREATE TABLE image_inventories (scan_id ${int} PRIMARY KEY, revision ${int} NOT NULL, status ${text} NOT NULL,
          scanned_at ${int} NOT NULL, body ${bytes} NOT NULL)`,
        `CREATE TABLE image_components (component_id ${int} NOT NULL, scan_id ${int} NOT NULL,
          PRIMARY KEY (component_id, scan_id))${dialect === 'sqlite' ? ' WITHOUT ROWID' : ''}`,
        `CREATE INDEX image_components_of ON image_components (scan_id)`,
        `CREATE TABLE image_findings (scan_id ${int} PRIMARY KEY, version ${int} NOT NULL, advisory_revision ${int} NOT NULL,
          scanned_at ${int} NOT NULL, evaluated_at ${int} NOT NULL, summary ${text} NOT NULL, body ${bytes} NOT NULL)`,
        `CREATE TABLE evaluated_advisories (id ${int} PRIMARY KEY, revision ${int} NOT NULL)`,
        `CREATE TABLE finding_changes (id ${id}, scan_id ${int} NOT NULL, vulnerability ${text} NOT NULL, purl ${text} NOT NULL,
          "change" ${text} NOT NULL, at ${int} NOT NULL, advisory_revision ${int} NOT NULL)`,
        `CREATE INDEX finding_changes_of ON finding_changes (scan_id, id)`,
      ]);
    },
  },
  {
    name: '0096-what-is-evaluated',
    async up(db, dialect) {
      const { bytes } = sqlTypes(dialect);
      await run(db, [
        `ALTER TABLE image_inventories ADD COLUMN packages ${bytes}`,
        `ALTER TABLE image_findings ADD COLUMN seen ${bytes}`,
      ]);
    },
  },
];
