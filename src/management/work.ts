import type { Edge } from './edge.ts';

/** What an operation's row says of its work. */
export type Work = { type: string; id: string; hasSecret: boolean } & (
  | { kind: 'put' | 'patch' | 'delete'; state: string | undefined }
  | { kind: 'action'; action: string; input: unknown }
);

/** For `seal` of `Operations.start`; what cannot be sealed stays in the memory of this process. */
export function sealing({ sealer }: Edge, secret: string | undefined): ((id: string) => string) | undefined {
  if (!sealer || secret === undefined) return undefined;
  return (id) => sealer.seal(secret, boundTo(id));
}

/** What a secret is sealed to: that of one operation opens no other. */
export function boundTo(operation: string): string {
  return `operation ${operation}`;
}
