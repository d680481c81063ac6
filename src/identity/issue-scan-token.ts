import { randomUUID } from 'node:crypto';
import type { Digest } from '../oci/index.ts';
import type { TokenClaims } from './claims.ts';
import type { Identification } from './identify.ts';

/** One image in one repository. */
export interface ScannedImage {
  registryId: number;
  repository: string;
  /** Its id: the token dies with it (lesson 24). */
  repositoryId: number;
  digest: Digest;
}

/**
 * A token for a scanner beside this server, which is to read one image: its manifest and the blobs that this names, in one
 * repository, by the public way, for `lastsMs`. It is nobody's own, reads what is quarantined, and can do nothing else.
 */
export function issueScanToken(
  { now, directory, keys }: Pick<Identification, 'now' | 'directory' | 'keys'>,
  scanner: string,
  { registryId, repository, repositoryId, digest }: ScannedImage,
  { origin, lastsMs }: { origin: string; lastsMs: number },
): string {
  const iat = Math.floor(now() / 1000);
  const claims: TokenClaims = {
    jti: randomUUID(),
    sub: `engine:${scanner}`,
    iss: origin,
    aud: origin.slice(origin.indexOf('//') + 2),
    iat,
    // Of another node's clock.
    nbf: iat - 60,
    exp: iat + Math.max(1, Math.ceil(lastsMs / 1000)),
    version: '1.0',
    grant_type: 'access_token',
    rid: registryId,
    mode: directory().registry(registryId)!.roleAssignmentMode,
    access: [{ type: 'repository', name: repository, actions: ['pull'], gen: repositoryId }],
    holder: { kind: 'scanner', name: scanner, image: { repository, digest } },
  };
  return keys.sign({ ...claims });
}
