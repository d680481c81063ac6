import type { Exchange } from '../exchange/index.ts';
import {
  type Authenticator,
  type Caller,
  doorAt,
  type Identification,
  type Refusal,
  type TokenDoor,
  type TokenLifetimes,
} from '../identity/index.ts';

/** What this protocol needs of a request. */
export type Oauth2Exchange = Omit<Exchange, 'untimed'>;

/** What came of asking for a token. Told before the answer. */
export interface TokenOutcome {
  action: 'token.exchange' | 'token.issue';
  /** Undefined where nobody was identified. */
  caller: Caller | undefined;
  refusal: Refusal | undefined;
  /** `jti` of what was given out. */
  issued: string | undefined;
  /** Scopes that were asked for, and what was granted. */
  asked: readonly string[];
  granted: readonly string[];
}

export interface Oauth2Options {
  identification: Identification;
  /** Remembers who has shown what. */
  authenticator: Authenticator;
  lifetimes: TokenLifetimes;
  /** Whether a name that a client gives for the registry means the one it has reached. */
  isService(service: string, registryId: number): boolean;
  record(exchange: Oauth2Exchange, outcome: TokenOutcome): void;
  /** Looks at a request for a token before anybody else does: throws where it may not be made now. */
  admitRequest?(exchange: Oauth2Exchange): void | Promise<void>;
  /** Throws where whoever asks gets no token from where they are. */
  admit(exchange: Oauth2Exchange, caller: Caller): void;
}

/** What a client reached: its tokens name it. */
export function doorOf(exchange: Oauth2Exchange): TokenDoor {
  return doorAt(exchange);
}
