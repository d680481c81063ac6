import {
  type Authenticator,
  type Caller,
  doorAt,
  type Identification,
  type Refusal,
  type TokenDoor,
  type TokenLifetimes,
} from '../identity/index.ts';

/** One request as the edge hands it over. */
export interface Oauth2Exchange {
  readonly request: Request;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly registryId: number;
  readonly requestId: string;
  address(): string;
  /** Scheme and authority of the registry, for the client. */
  origin(): string;
  /** The whole of a small body. */
  bytes(maxBytes: number): Promise<Uint8Array>;
  route: string;
}

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
}

/** What a client reached: its tokens name it. */
export function doorOf(exchange: Oauth2Exchange): TokenDoor {
  return doorAt(exchange.registryId, exchange.origin(), exchange.request);
}
