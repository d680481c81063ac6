import { RegistryError } from '../errors/index.ts';

/** Who asks, as far as this protocol needs to know. The gates find out, and have let it pass for the request itself. */
export interface Caller {
  /** Owns the uploads that it opens (lesson 13), and goes on with them when its token has been renewed. */
  readonly id: string;
  /** Whether it may pull from a repository of this registry: what it mounts from is named in the query. */
  mayPull(repository: string): boolean;
  /** Whether a repository of this registry is one that it may know of. */
  maySee(repository: string): boolean;
  /** Whether it may know of all of them, so that nothing need be asked one by one. */
  readonly seesAll: boolean;
}

/** Throws where no gate has said who it is: nothing is ever served to nobody. */
export function callerOf({ caller }: { caller?: Caller | undefined }): Caller {
  if (caller) return caller;
  throw new RegistryError('UNAUTHORIZED');
}
