import type { Generated } from 'kysely';
import { type Migration, run, sqlTypes } from '../database/index.ts';

declare module '../database/tables.ts' {
  interface Tables {
    /** What is known of a digest in a registry, wherever it is there. */
    evidence: {
      registry_id: number;
      digest: string;
      kind: string;
      /** JSON, packed with zstd: findings of an image are much alike. */
      body: Uint8Array;
      /** Another number each time that it is written. */
      version: number;
      /** ms. */
      written_at: number;
    };
    /** Whether an image may be pulled, as it was last decided. Gone with the manifest, or never there: then it is decided. */
    verdicts: {
      registry_id: number;
      repository_id: number;
      digest: string;
      effect: string;
      /** Of the policies and exceptions that it was decided by; it is believed as long as these are the ones. */
      revision: string;
      /** Of the evidence and of the stated quarantine that it was decided by: where those are others now, it is not believed. */
      evidence_version: number;
      state_version: number;
      /** The decision, in JSON. */
      body: string;
      /** ms. */
      evaluated_at: number;
      valid_until: number;
      /** When it is to be decided anew (ms). What is to be at once is below zero, by how long ago it was pulled. */
      due: number;
      /** 1 while its push was told of as one into quarantine, and its release was not. */
      held: number;
      /** 1 where it lets blobs out, in a repository that lets out no others. */
      lets_blobs: Generated<number>;
    };
    /** What somebody has said of an image in quarantine (acr §4.5). */
    quarantine_states: {
      registry_id: number;
      repository_id: number;
      digest: string;
      /** '' where only details were given. */
      state: string;
      /** JSON text of whoever has scanned it, or ''. */
      details: string;
      /** Another number each time that it is changed. */
      version: number;
      changed_at: number;
      changed_by: string;
    };
    /** By which rules of a registry its verdicts were last looked through, and how far that has come. */
    admission_progress: { registry_id: number; revision: string; repository_id: number; digest: string };
  }
}

export const admissionMigrations: Migration[] = [
  {
    name: '0080-admission',
    async up(db, dialect) {
      const { bytes, int, text } = sqlTypes(dialect);
      const image = `registry_id ${int} NOT NULL, repository_id ${int} NOT NULL, digest ${text} NOT NULL`;
      await run(db, [
        `CREATE TABLE evidence (registry_id ${int} NOT NULL, digest ${text} NOT NULL, kind ${text} NOT NULL,
          body ${bytes} NOT NULL, version ${int} NOT NULL, written_at ${int} NOT NULL, PRIMARY KEY (digest, registry_id, kind))`,
        `CREATE TABLE verdicts (${image}, effect ${text} NOT NULL, revision ${text} NOT NULL, evidence_version ${int} NOT NULL,
          state_version ${int} NOT NULL, body ${text} NOT NULL, evaluated_at ${int} NOT NULL, valid_until ${int} NOT NULL, due ${int} NOT NULL, held ${int} NOT NULL DEFAULT 0,
          PRIMARY KEY (repository_id, digest))`,
        `CREATE INDEX verdicts_digest ON verdicts (digest, registry_id, repository_id)`,
        `CREATE INDEX verdicts_due ON verdicts (due, repository_id, digest)`,
        `CREATE INDEX verdicts_registry ON verdicts (registry_id, repository_id, digest)`,
        `CREATE TABLE quarantine_states (${image}, state ${text} NOT NULL, details ${text} NOT NULL, version ${int} NOT NULL,
          changed_at ${int} NOT NULL, changed_by ${text} NOT NULL, PRIMARY KEY (repository_id, digest))`,
        `CREATE TABLE admission_progress (registry_id ${int} NOT NULL PRIMARY KEY, revision ${text} NOT NULL,
          repository_id ${int} NOT NULL, digest ${text} NOT NULL)`,
      ]);
    },
  },
  {
    name: '0097-blobs-of-images',
    // A node that does not know of it says of no image that it lets blobs out: such images are found among the first ones.
    up: async () => {},
    exclusive: {
      tables: ['verdicts'],
      up: (db, dialect) =>
        run(db, [
          `ALTER TABLE verdicts ADD COLUMN lets_blobs ${sqlTypes(dialect).int} NOT NULL DEFAULT 0`,
          'CREATE INDEX verdicts_blobs ON verdicts (repository_id, revision, digest) WHERE lets_blobs = 1',
        ]),
    },
  },
];
