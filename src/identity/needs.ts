import type { Permission } from '../access/index.ts';
import type { RegistryError } from '../errors/index.ts';
import type { Exchange } from '../exchange/index.ts';
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

/** A request to the content of a registry, of whichever protocol. `C`: what that needs to know of who asks. */
export interface GatedExchange<C = unknown> extends Omit<Exchange, 'bytes'> {
  /** Set by the gates, once they know. */
  caller?: C | undefined;
  /** Set where the caller's token is bound to a repository: the refusal for another one of that name. */
  stale?: () => RegistryError;
  /** What it wants, and of which repository, once that is known. */
  action?: string;
  repository?: string;
}

/** One step of the security model: sets the caller, or throws. `app/` hands them in, in order. */
export type Gate = (exchange: GatedExchange, asked: Asked) => void | Promise<void>;

/** Lets a request through the gates. Nothing is awaited where none has to be: that is every pull but the first. */
export async function passGates(gates: readonly Gate[], exchange: GatedExchange, asked: Asked): Promise<void> {
  for (const gate of gates) {
    const waiting = gate(exchange, asked);
    if (waiting) await waiting;
  }
}
