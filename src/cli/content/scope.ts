/** What a token is asked for at a repository (acr §2.3). */
type Action = 'pull' | 'push' | 'delete' | 'metadata_read' | 'metadata_write' | 'deleted_read' | 'deleted_restore';

/** The scope of a token that may list repositories. */
export const catalogScope = 'registry:catalog:*';
/** The same of repositories of which something deleted is kept. */
export const deletedCatalogScope = 'registry:deleted_catalog:*';

/** The scope of a token for a repository. */
export function repositoryScope(repository: string, ...actions: readonly Action[]): string {
  return `repository:${repository}:${actions.join(',')}`;
}

/** The scope that an answer says it needs: `WWW-Authenticate: Bearer realm="…",service="…",scope="…"` (acr §2.1). */
export function scopeWanted(challenge: string | null): string | undefined {
  return /^Bearer\s(?:.*[\s,])?scope="([^"\\]{1,2048})"/i.exec(challenge ?? '')?.[1];
}

/** Whether an answer says that the token is none, or none any more (RFC 6750 §3.1); for what it lacks there is another word. */
export function isOver(challenge: string | null): boolean {
  return /^Bearer\s(?:.*[\s,])?error="invalid_token"/i.test(challenge ?? '');
}
