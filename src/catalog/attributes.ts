/**
 * What may be done with a repository, a tag or a manifest, ACR's `changeableAttributes`; all of it, unless somebody said
 * otherwise.
 */
export interface Abilities {
  writeEnabled: boolean;
  deleteEnabled: boolean;
  listEnabled: boolean;
  readEnabled: boolean;
}

export type Ability = keyof Abilities;

/**
 * The column `attributes` of a repository, a tag or a manifest, in bits: what must not be done with it, and what else
 * there is to be looked up. 0 is everything that nobody has touched, and costs nothing.
 */
export const bit = {
  writeEnabled: 1,
  deleteEnabled: 2,
  listEnabled: 4,
  readEnabled: 8,
  /** It has custom metadata. */
  metadata: 16,
  /** Of a repository: a manifest in it must not be read, or could once not be. A pull looks at manifests only then. */
  unreadable: 32,
  /** Of a repository: a tag in it is not listed, or was once not. */
  hidden: 64,
} as const;

/** The bits of a lock. */
export const lockBits = bit.writeEnabled | bit.deleteEnabled | bit.listEnabled | bit.readEnabled;
/** What keeps from being deleted: what must not be written must not be deleted either (acr §4.6). */
export const keepBits = bit.writeEnabled | bit.deleteEnabled;
/** Where a pull has to look further than its row. */
export const pullBits = bit.readEnabled | bit.unreadable;

/** Until when a lock holds that nobody gave an end (ms). */
export const forever = Number.MAX_SAFE_INTEGER;

export const abilities = ['writeEnabled', 'deleteEnabled', 'listEnabled', 'readEnabled'] as const satisfies Ability[];

/** The two columns of a row that may be locked. Until `locked_until` (ms) its lock holds; from then on it binds nobody. */
export interface Lockable {
  attributes: number;
  locked_until: number;
}

/** The bits of a lock that hold now. */
export function heldBits({ attributes, locked_until: until }: Lockable, now: number): number {
  return until > now ? attributes & lockBits : 0;
}

/** Whether a lock of these bits holds now. */
export function isHeld(row: Lockable, bits: number, now: number): boolean {
  return (row.attributes & bits & lockBits) !== 0 && row.locked_until > now;
}

export function abilitiesOf(held: number): Abilities {
  return {
    writeEnabled: (held & bit.writeEnabled) === 0,
    deleteEnabled: (held & bit.deleteEnabled) === 0,
    listEnabled: (held & bit.listEnabled) === 0,
    readEnabled: (held & bit.readEnabled) === 0,
  };
}

/** What has attributes: a repository as a whole, a tag by its name, a manifest by its digest. */
export interface Subject {
  kind: 'repository' | 'tag' | 'manifest';
  /** '' of a repository. */
  name: string;
}

export const wholeRepository: Subject = { kind: 'repository', name: '' };
