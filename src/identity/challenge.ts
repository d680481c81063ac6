/** What a request would need, as a challenge says it (acr §2.1). */
export interface Wanted {
  type: 'repository' | 'registry';
  name: string;
  /** Actions of a scope string, joined by commas. */
  action: string;
  /** A further scope that it needs, whole. */
  also?: string;
}

/**
 * The value of WWW-Authenticate (RFC 6750 §3, acr §2.1). `error` says that a token came along and was not enough, so
 * that clients ask for another one rather than give up.
 */
export function challengeOf(
  origin: string,
  service: string,
  wanted: Wanted | undefined,
  error?: 'invalid_token' | 'insufficient_scope',
): string {
  const parts = [`realm="${origin}/oauth2/token"`, `service="${service}"`];
  if (wanted) {
    const scope = `${wanted.type}:${wanted.name}:${wanted.action}`;
    parts.push(`scope="${wanted.also === undefined ? scope : `${scope} ${wanted.also}`}"`);
  }
  if (error) parts.push(`error="${error}"`);
  return `Bearer ${parts.join(',')}`;
}

/** The detail of an UNAUTHORIZED answer (acr §2.1). */
export function detailOf(wanted: Wanted | undefined): { Type: string; Name: string; Action: string }[] | undefined {
  return wanted && [{ Type: wanted.type, Name: wanted.name, Action: wanted.action }];
}
