import { contents, places, variants } from './gc-universe.double.ts';
import type { World } from './gc-world.double.ts';

/** What is there, by the facts, as `inventory` names it. */
export async function observe({ db, registries }: World): Promise<string[]> {
  const rows = await db.all<{ registry: number; name: string; digest: string; what: string }>(
    `SELECT r.registry_id AS registry, r.name AS name, l.digest AS digest, 'blob' AS what
        FROM blob_links l JOIN repositories r ON r.id = l.repository_id
      UNION ALL SELECT r.registry_id, r.name, m.digest, 'manifest' FROM manifests m JOIN repositories r ON r.id = m.repository_id
      UNION ALL SELECT r.registry_id, r.name, t.digest, t.name FROM tags t JOIN repositories r ON r.id = t.repository_id
      UNION ALL SELECT k.registry_id, k.repository, k.digest, 'kept' FROM deleted_manifests k`,
    [],
  );
  return rows
    .map(({ registry, name, digest, what }) => {
      const place = places.findIndex((at) => registries[at.registry] === registry && at.name === name);
      if (what === 'blob') return `${place} blob ${contents.findIndex((content) => content.digest === digest)}`;
      const at = variants.findIndex((variant) => variant.digest === digest);
      return what === 'manifest' || what === 'kept' ? `${place} ${what} ${at}` : `${place} tag ${what} ${at}`;
    })
    .toSorted();
}
