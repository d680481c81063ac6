import type { Catalog, Mover, Repository, Viewer } from '../catalog/index.ts';
import type { BlobStore } from '../content/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Exchange as Request } from '../exchange/index.ts';
import type { GatedExchange } from '../identity/index.ts';
import type { ByteBudget } from '../memory/index.ts';
import type { Digest } from '../oci/index.ts';

/** One request as the edge hands it over. */
export type Exchange = GatedExchange & Pick<Request, 'bytes'>;

/** What the attributes of a registry's content are read from. */
export interface Attributes {
  catalog: Catalog;
  blobs: BlobStore;
  /** For lists, until they have gone out. */
  listMemory: ByteBudget;
  /** For searches while they look: they keep more than lists, which should not wait for them. */
  searchMemory: ByteBudget;
  /** Undefined where every tag of a repository leads to what it names. */
  heldTags(registryId: number, repository: string): HeldTags | undefined;
  quarantine: QuarantineAttributes;
  /** Whether the owner of a registry lets its manifests be searched (acr §4.1, `metadataSearch`). */
  searchesMetadata(registryId: number): boolean;
}

interface HeldTags {
  /** Of some tags with what they name, where those lead to that lead elsewhere; null for nowhere. */
  led(exchange: Exchange, repositoryId: number, tags: ReadonlyMap<string, Digest>): Promise<Map<string, Digest | null>>;
}

/** ACR's attributes of what is in quarantine. */
export interface QuarantineAttributes {
  shown(
    repository: Repository,
    digests: readonly Digest[],
  ): Promise<Map<Digest, { state?: QuarantineState; details?: string }>>;
  /** Throws DENIED where who asks may not. */
  change(
    exchange: Exchange,
    repository: Repository,
    digest: Digest,
    change: { state?: QuarantineState; details?: string },
  ): Promise<void>;
  /** Throws DENIED where who asks may change quarantine alone, and not attributes. */
  requireAttributes(exchange: Exchange, repository: string): void;
}

export type QuarantineState = 'Quarantined' | 'Passed' | 'Failed';

/** Who asks, as far as it matters here. */
interface Asker extends Viewer {
  /** Who is remembered to have moved a tag. */
  by: Mover;
  /** How others call it: it becomes the owner of what it locks. */
  readonly name: string;
  /** The id of the repository that its token was given for, where there was one of this name (lesson 24). */
  boundTo(repository: string): number | undefined;
  /** Whether it may see what was deleted of a repository. */
  mayReadDeleted(repository: string): boolean;
  /** Whose metadata it may read now, whatever its token was given for. */
  readonly readsMetadata: Viewer;
}

/** Throws where no gate has said who it is. */
export function askerOf({ caller }: Exchange): Asker {
  if (typeof caller === 'object' && caller !== null && 'maySee' in caller) return caller as Asker;
  throw new RegistryError('UNAUTHORIZED');
}
