import type { Catalog, Viewer } from '../catalog/index.ts';
import type { BlobStore } from '../content/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Asked } from '../identity/index.ts';
import type { ByteBudget } from '../memory/index.ts';

/** One request as the edge hands it over. */
export interface Exchange {
  readonly request: Request;
  readonly method: string;
  /** Path as it was sent, without the query. */
  readonly path: string;
  /** The query without its question mark. */
  readonly query: string;
  readonly registryId: number;
  readonly requestId: string;
  /** Set by the gates, once they know. */
  caller?: unknown;
  /** What is said where its token was given for a repository that is gone; set by the gates. */
  stale?: () => RegistryError;
  /** What it wants, and of which repository, once that is known. */
  action?: string;
  repository?: string;
  address(): string;
  /** Scheme and authority under which the client reaches the registry. */
  origin(): string;
  /** What kind of path it is, for metrics. */
  route: string;
  /** Lifts the time limit of a silent connection until the answer. */
  untimed(): void;
}

/** One step of the security model, as `app/` hands it in. It sets the caller, or throws. */
export type Gate = (exchange: Exchange, asked: Asked) => void | Promise<void>;

/** What the attributes of a registry's content are read from. */
export interface Attributes {
  catalog: Catalog;
  blobs: BlobStore;
  /** For lists, until they have gone out. */
  listMemory: ByteBudget;
}

/** Who asks, as far as it matters here. */
interface Asker extends Viewer {
  /** The id of the repository that its token was given for, where there was one of this name (lesson 24). */
  boundTo(repository: string): number | undefined;
}

/** Throws where no gate has said who it is. */
export function askerOf({ caller }: Exchange): Asker {
  if (typeof caller === 'object' && caller !== null && 'maySee' in caller) return caller as Asker;
  throw new RegistryError('UNAUTHORIZED');
}
