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

export type TokenAction = 'token.exchange' | 'token.issue';

/** A token that was refused. */
export interface TokenRefused {
  action: TokenAction;
  /** Undefined where nobody was identified. */
  caller: Caller | undefined;
  refusal: Refusal;
}

/** A token that is about to be given out. */
export interface TokenGranted {
  action: TokenAction;
  caller: Caller;
  /** `jti` of it. */
  issued: string;
  /** Scopes that were asked for, and what was granted, separated by spaces; undefined in an exchange. */
  asked?: string;
  granted?: string;
}

export interface Oauth2Options {
  identification: Identification;
  /** Remembers who has shown what. */
  authenticator: Authenticator;
  lifetimes: TokenLifetimes;
  /** Whether a name that a client gives for the registry means the one it has reached. */
  isService(service: string, registryId: number): boolean;
  /** Told of each refusal before its answer. */
  refused(exchange: Oauth2Exchange, refused: TokenRefused): void;
  /** What is given out is recorded when this resolves: before that it is not answered. */
  granted(exchange: Oauth2Exchange, granted: TokenGranted): Promise<void>;
  /** Looks at a request for a token before anybody else does: throws where it may not be made now. */
  admitRequest?(exchange: Oauth2Exchange): void | Promise<void>;
  /** Throws where whoever asks gets no token from where they are. */
  admit(exchange: Oauth2Exchange, caller: Caller): void;
}

/** What a client reached: its tokens name it. */
export function doorOf(exchange: Oauth2Exchange): TokenDoor {
  return doorAt(exchange);
}
