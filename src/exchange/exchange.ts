import type { Way } from './way.ts';

/** One request with what the edge found out about it; protocols get this and answer with a Response. */
export interface Exchange {
  readonly request: Request;
  readonly method: string;
  /** Path as it was sent, normalised by the parser, without the query. */
  readonly path: string;
  /** The query without its question mark. */
  readonly query: string;
  readonly registryId: number;
  readonly requestId: string;
  /** Address of the client: of the socket, or what a trusted proxy says. IPv4 is never written as IPv6. */
  address(): string;
  /** By which way it came in: what trusted proxies and listeners say, never the client. */
  way(): Way;
  /** Whether it comes from this machine, and no proxy says that it passes somebody on. */
  isLocal(): boolean;
  /** Whether its host is the data endpoint of the registry, which serves blobs by signed addresses alone. */
  readonly atDataEndpoint: boolean;
  /** Scheme and authority under which the client reaches the registry, such as `https://registry.example.com`. */
  origin(): string;
  /** The whole of a small body; throws SIZE_INVALID (413) beyond `maxBytes`. */
  bytes(maxBytes: number): Promise<Uint8Array>;
  /** What kind of path it is, for metrics; set by the protocol that recognises it. */
  route: string;
  /** Headers that the answer has, a refusal too. */
  headers?: Record<string, string>;
  /** Lifts the time limit of a silent connection until the answer; the body's own watchdog takes over. */
  untimed(): void;
}
