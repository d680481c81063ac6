import type { Edge } from './edge.ts';

/** What an operation's row says of its work. */
export type Work = { type: string; id: string; hasSecret: boolean } & (
  | { kind: 'put' | 'patch' | 'delete'; state: string | undefined }
  | { kind: 'action'; action: string; input: unknown }
);

/**
 * For `seal` of `Operations.start`. This process keeps a secret in any case, and before anybody can take the operation up: where
 * there is nothing to seal it under, nobody else has it.
 */
export function sealing(
  { sealer, carrier }: Edge,
  secret: string | undefined,
): ((id: string) => string | undefined) | undefined {
  if (secret === undefined) return undefined;
  return (id) => {
    carrier.keep(id, secret);
    return sealer?.seal(secret, boundTo(id));
  };
}

/** What a secret is sealed to: that of one operation opens no other. */
export function boundTo(operation: string): string {
  return `operation ${operation}`;
}
