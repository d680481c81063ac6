import { holdManifest, readManifest, type Repository } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { type Digest, parseManifest } from '../oci/index.ts';
import type { QuarantineState } from './decision.ts';
import { type StatedQuarantine, statedOf, writeStated } from './quarantine-store.ts';
import type { ImagePlace } from './verdict-store.ts';
import { outdate } from './verdict-store.ts';
import type { VerdictOptions, Verdicts } from './verdicts.ts';

/** What is shown of an image in quarantine (acr §3.2); nothing of one that no quarantine concerns. */
export interface ShownQuarantine {
  state?: QuarantineState;
  details?: string;
}

export interface QuarantineDesk {
  /** The states of some manifests of a repository. Of one alone it is decided, of many what is recorded. */
  shown(repository: Repository, digests: readonly Digest[]): Promise<Map<Digest, ShownQuarantine>>;
  /** Keeps what somebody says of an image, and acts on it before it resolves. MANIFEST_UNKNOWN where it is gone. */
  change(place: ImagePlace, change: { state?: QuarantineState; details?: string }, by: string): Promise<void>;
}

/** The quarantine of images, as ACR's API changes and shows it (acr §4.5). */
export function createQuarantineDesk(options: VerdictOptions & { verdicts: Verdicts }): QuarantineDesk {
  const { catalog, rules: all, verdicts, now } = options;
  const { db } = catalog;

  async function decisionsOn(repository: Repository, digests: readonly Digest[]) {
    const { registryId, id: repositoryId, name } = repository;
    const rules = all.of(registryId, name);
    if (!rules?.quarantines) return undefined;
    const [only] = digests;
    if (digests.length > 1 || !only) return verdicts.listed(repositoryId, digests, rules);
    const decision = await verdicts.decide({ registryId, repositoryId, repository: name, digest: only }, rules);
    return new Map(decision && [[only, decision]]);
  }

  return {
    async shown(repository, digests) {
      const [stated, decisions] = await Promise.all([
        statedOf(db, repository.id, digests),
        decisionsOn(repository, digests),
      ]);
      return new Map(
        digests.map((digest) => {
          const said: StatedQuarantine | undefined = stated.get(digest);
          const decided = decisions?.get(digest);
          const unknown = decisions && !decided ? ('Quarantined' as const) : undefined;
          const state = decided?.quarantine?.state ?? said?.state ?? unknown;
          return [digest, { ...(state && { state }), ...(said?.details && { details: said.details }) }];
        }),
      );
    },
    async change(place, { state, details }, by) {
      const { registryId, repositoryId, repository, digest } = place;
      const manifest = await readManifest(catalog, repositoryId, digest);
      const gone = () => new RegistryError('MANIFEST_UNKNOWN', { detail: { digest } });
      if (!manifest) throw gone();
      const { references } = parseManifest(manifest.bytes, manifest.mediaType);
      const children = references.filter(({ role }) => role === 'child').map((child) => child.digest);
      await db.write(async (tx) => {
        if (!(await holdManifest(tx, repositoryId, digest))) throw gone();
        await writeStated(tx, { registryId, repositoryId, digest, state, details, by, at: now() });
        outdate(tx, repositoryId, [digest, ...new Set(children)]);
      });
      const rules = all.of(registryId, repository);
      if (rules) await verdicts.decideAnew(place, rules);
    },
  };
}
