import type { Exchange as Request } from '../exchange/index.ts';

/** What this API needs of a request, with who sent it. */
export interface Exchange extends Pick<Request, 'request' | 'method' | 'path' | 'query' | 'requestId' | 'route'> {
  /** Whoever was authenticated; the management API itself does not look into it. */
  readonly principal: unknown;
}
