import type { Catalog, Mover, Viewer } from '../catalog/index.ts';
import type { BlobStore } from '../content/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Exchange as Request } from '../exchange/index.ts';
import type { GatedExchange } from '../identity/index.ts';
import type { ByteBudget } from '../memory/index.ts';

/** One request as the edge hands it over. */
export type Exchange = GatedExchange & Pick<Request, 'bytes'>;

/** What the attributes of a registry's content are read from. */
export interface Attributes {
  catalog: Catalog;
  blobs: BlobStore;
  /** For lists, until they have gone out. */
  listMemory: ByteBudget;
}

/** Who asks, as far as it matters here. */
interface Asker extends Viewer {
  /** Who is remembered to have moved a tag. */
  by: Mover;
  /** How others call it: it becomes the owner of what it locks. */
  readonly name: string;
  /** The id of the repository that its token was given for, where there was one of this name (lesson 24). */
  boundTo(repository: string): number | undefined;
}

/** Throws where no gate has said who it is. */
export function askerOf({ caller }: Exchange): Asker {
  if (typeof caller === 'object' && caller !== null && 'maySee' in caller) return caller as Asker;
  throw new RegistryError('UNAUTHORIZED');
}
