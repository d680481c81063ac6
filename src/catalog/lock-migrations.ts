import { type Migration, run, sqlTypes } from '../database/index.ts';

export const lockMigrations: Migration[] = [
  {
    name: '0030-locks',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      const subject = `registry_id ${int} NOT NULL, repository_id ${int} NOT NULL, kind ${text} NOT NULL, name ${text} NOT NULL`;
      const inKey = dialect === 'sqlite' ? ' WITHOUT ROWID' : '';
      // By digest first, as `0012-by-digest-first` says.
      await run(db, [
        `CREATE TABLE locks (${subject}, digest ${text} NOT NULL, attributes ${int} NOT NULL, keeps ${int} NOT NULL,
          locked_until ${int} NOT NULL, owner ${text} NOT NULL, reason ${text}, locked_at ${int} NOT NULL,
          PRIMARY KEY (repository_id, kind, name))${inKey}`,
        'CREATE INDEX locks_digest ON locks (digest, repository_id, keeps, locked_until)',
        'CREATE INDEX locks_keep ON locks (repository_id, keeps, locked_until)',
        `CREATE TABLE custom_metadata (${subject}, "key" ${text} NOT NULL, value ${text} NOT NULL, media_type ${text} NOT NULL,
          updated_at ${int} NOT NULL, PRIMARY KEY (repository_id, kind, name, "key"))${inKey}`,
      ]);
    },
    exclusive: {
      // A constant default: neither database touches a row, and SQLite stores no byte for a 0, behind large bytes either.
      tables: ['repositories', 'tags', 'manifests'],
      async up(db, dialect) {
        const { int } = sqlTypes(dialect);
        await run(
          db,
          ['repositories', 'tags', 'manifests'].flatMap((table) => [
            `ALTER TABLE ${table} ADD COLUMN attributes ${int} NOT NULL DEFAULT 0`,
            `ALTER TABLE ${table} ADD COLUMN locked_until ${int} NOT NULL DEFAULT 0`,
          ]),
        );
      },
    },
  },
];
