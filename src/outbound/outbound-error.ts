/** Why a call did not come about; for the log and for whoever decides what to do next. */
export type OutboundReason =
  /** The URL is not one that is called: not http or https, user information, a host in an odd form. */
  | 'bad_url'
  /** Plain http to a host that is not named in `outbound.allow`. */
  | 'http_refused'
  /** The name has an address, or is one, that is not on the public internet and not in `outbound.allow`. */
  | 'address_refused'
  | 'not_resolved'
  /** No connection, or one that broke. */
  | 'unreachable'
  /** The certificate is not trusted, has expired or names another host. */
  | 'tls_refused'
  | 'timed_out'
  /** The body, as sent or as unpacked, or the headers are longer than the caller takes. */
  | 'too_large'
  | 'redirect_refused'
  | 'too_many_redirects'
  /** What came back is not HTTP. */
  | 'bad_answer'
  /** Too many calls are under way. */
  | 'busy';

/** A call that failed. The message names the host at most, and may be shown to callers; `cause` is for the log. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly reason: OutboundReason;

  constructor(reason: OutboundReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}
