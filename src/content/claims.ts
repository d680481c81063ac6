/** Ends a claim. */
export type Release = () => void;

/**
 * The right to write to the staging area of an upload. One holder at a time among all processes that share the store:
 * otherwise the bytes of two bodies would mix, and what comes late would change a blob that is published already.
 * A holder that ends frees its claims.
 */
export interface UploadClaims {
  /** Undefined while somebody else has it. */
  claim(upload: string): Promise<Release | undefined>;
}

/** Where there is one process, it knows all holders itself. */
export function createLocalClaims(): UploadClaims {
  const held = new Set<string>();
  return {
    async claim(upload) {
      if (held.has(upload)) return undefined;
      held.add(upload);
      return () => void held.delete(upload);
    },
  };
}
