import { parseScopes, type RequestedScope } from '../access/index.ts';

/** What a client asks a token for, as it was read. */
export interface AskedScopes {
  readonly scopes: readonly RequestedScope[];
  /** Whether it asks to manage. */
  readonly manages: boolean;
  /** As they came, separated by spaces. */
  readonly text: string;
}

/** What a client asks for to use the management API with its token. */
export const managementScope = 'registry:management:*';

/** Reads the values of `scope`. What cannot be read is left out. */
export function readScopes(texts: readonly string[]): AskedScopes {
  return {
    scopes: parseScopes(texts),
    manages: texts.some((text) => text.split(' ', 100).includes(managementScope)),
    text: texts.join(' '),
  };
}
