/** One request as the edge hands it over, with who sent it. */
export interface Exchange {
  readonly request: Request;
  readonly method: string;
  /** Path as it was sent, without the query. */
  readonly path: string;
  /** The query without its question mark. */
  readonly query: string;
  readonly requestId: string;
  /** What kind of path it is, for metrics. */
  route: string;
  /** Whoever was authenticated; the management API itself does not look into it. */
  readonly principal: unknown;
}
