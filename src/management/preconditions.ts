import { bareEtag, ManagementError } from '../operations/index.ts';
import type { Preconditions } from '../resources/index.ts';

/** If-Match and If-None-Match of a write (RFC 9110 §13.1). ETags may come without quotes, as some clients keep them. */
export function preconditionsOf({ headers }: Request): Preconditions {
  const match = headers.get('if-match')?.trim();
  const none = headers.get('if-none-match')?.trim();
  if (none !== undefined && none !== '*') {
    throw new ManagementError('InvalidParameter', 'of a write, If-None-Match may only be *', {
      target: 'If-None-Match',
    });
  }
  return {
    ...(match !== undefined && match !== '' && { ifMatch: match === '*' ? match : match.split(',', 64).map(bareEtag) }),
    ...(none === '*' && { ifNoneMatch: none }),
  };
}
