import { type Mover, requireBound } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';

/** Who asks, as far as this protocol needs to know. The gates find out, and have let it pass for the request itself. */
export interface Caller {
  /** Owns the uploads that it opens (lesson 13), and goes on with them when its token has been renewed. */
  readonly id: string;
  /** Who is remembered to have moved a tag. */
  readonly by: Mover;
  /** Whether it may pull from a repository of this registry, also from the one that has this id now (lesson 24). */
  mayPull(repository: string, id?: number): boolean;
  /**
   * The id of the repository that its token was given for, where there was one of this name: another one that has the name
   * since is none that it may use (lesson 24).
   */
  boundTo(repository: string): number | undefined;
  /** When its token ended (ms): only uploads that it began before are left to it (lesson 9). */
  readonly endedAt: number | undefined;
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

/** Throws UNAUTHORIZED where the repository that was found is not the one that the caller's token was given for. */
export function requireSame(exchange: { caller?: Caller | undefined }, name: string, id: number): void {
  requireBound(id, callerOf(exchange).boundTo(name));
}
