import { type Migration, run, sqlTypes } from '../database/index.ts';

/** Bytes of what is kept count, as they did before it was deleted; it is no manifest of its repository any more. */
const sqliteTriggers = (['NEW', 'OLD'] as const).map((row) => {
  const [name, event, sign] = row === 'NEW' ? ['kept', 'INSERT', ''] : ['dropped', 'DELETE', '-'];
  const add = (repository: string) => `INSERT INTO storage_usage
      (registry_id, repository_id, blobs, blob_bytes, own_bytes, manifests, manifest_bytes)
    VALUES (${row}.registry_id, ${repository}, 0, 0, 0, 0, ${sign}${row}.size)
    ON CONFLICT (registry_id, repository_id) DO UPDATE SET manifest_bytes = manifest_bytes + excluded.manifest_bytes;`;
  return `CREATE TRIGGER storage_deleted_${name} AFTER ${event} ON deleted_manifests BEGIN
    ${add('0')}
    ${add(`${row}.repository_id`)}
  END`;
});

const append = `INSERT INTO storage_deltas (registry_id, repository_id, blobs, blob_bytes, own_bytes, manifests, manifest_bytes)
  VALUES`;
const postgresTriggers = [
  `CREATE FUNCTION storage_deleted_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $body$
  BEGIN
    IF TG_OP = 'INSERT' THEN
      ${append} (NEW.registry_id, 0, 0, 0, 0, 0, NEW.size), (NEW.registry_id, NEW.repository_id, 0, 0, 0, 0, NEW.size);
    ELSE
      ${append} (OLD.registry_id, 0, 0, 0, 0, 0, -OLD.size), (OLD.registry_id, OLD.repository_id, 0, 0, 0, 0, -OLD.size);
    END IF;
    RETURN NULL;
  END $body$`,
  `CREATE TRIGGER storage_deleted_changed AFTER INSERT OR DELETE ON deleted_manifests
    FOR EACH ROW EXECUTE FUNCTION storage_deleted_changed()`,
];

export const deletedMigrations: Migration[] = [
  {
    name: '0041-deleted-manifests',
    async up(db, dialect) {
      const { bytes, int, text } = sqlTypes(dialect);
      const inKey = dialect === 'sqlite' ? ' WITHOUT ROWID' : '';
      const scope = `registry_id ${int} NOT NULL, repository_id ${int} NOT NULL`;
      await run(db, [
        `CREATE TABLE deleted_manifests (${scope}, repository ${text} NOT NULL, digest ${text} NOT NULL,
          media_type ${text} NOT NULL, artifact_type ${text}, kind ${text} NOT NULL, size ${int} NOT NULL,
          image_size ${int} NOT NULL, subject_digest ${text}, annotations ${text}, pushed_at ${int} NOT NULL,
          deleted_at ${int} NOT NULL, by_id ${text}, by_name ${text}, bytes ${bytes} NOT NULL,
          PRIMARY KEY (repository_id, digest))`,
        // By name and by time, as they are listed; by time in a registry, as they go.
        'CREATE INDEX deleted_manifests_named ON deleted_manifests (registry_id, repository, digest, repository_id)',
        'CREATE INDEX deleted_manifests_at ON deleted_manifests (registry_id, repository, deleted_at, digest)',
        'CREATE INDEX deleted_manifests_due ON deleted_manifests (registry_id, deleted_at, repository_id, digest)',
        `CREATE TABLE deleted_references (${scope}, manifest_digest ${text} NOT NULL, digest ${text} NOT NULL,
          PRIMARY KEY (repository_id, manifest_digest, digest))${inKey}`,
        // By digest first, as of the references of manifests.
        'CREATE INDEX deleted_references_target ON deleted_references (digest, repository_id, manifest_digest)',
        `CREATE TABLE deleted_tags (${scope}, repository ${text} NOT NULL, digest ${text} NOT NULL, name ${text} NOT NULL,
          deleted_at ${int} NOT NULL, PRIMARY KEY (repository_id, digest, name))${inKey}`,
        `CREATE INDEX deleted_tags_named ON deleted_tags (registry_id, repository, name, deleted_at, digest, repository_id)`,
        `CREATE INDEX deleted_tags_at ON deleted_tags (registry_id, repository, deleted_at, name, digest, repository_id)`,
        ...(dialect === 'sqlite' ? sqliteTriggers : postgresTriggers),
      ]);
    },
  },
];
