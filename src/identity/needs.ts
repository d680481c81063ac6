import type { Permission } from '../access/index.ts';
import type { Wanted } from './challenge.ts';

/** What a request needs: any one of the permissions; and how a challenge asks for it (acr §2.1, §2.3). */
export interface Needs {
  permissions: readonly Permission[];
  /** Undefined where the registry as a whole is asked. */
  repository: string | undefined;
  /** A repository that a blob is to be mounted from: to pull there takes a right, too. */
  source?: string;
  challenge: Wanted;
}

/** What the gates look at of a request to a registry, whatever protocol it is of. */
export interface Asked {
  /** Undefined where it needs no more than a caller who is somebody. */
  needs: Needs | undefined;
  /** Whether clients come here to hear how to log in, so that nobody passes who shows nothing. */
  isBase: boolean;
  /** Whether it goes on with what was begun under a token that may have expired since (lesson 9). */
  finishes: boolean;
}
