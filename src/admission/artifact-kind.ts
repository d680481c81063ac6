/** What a manifest is, as far as admission goes (supply §13.1). */
export type ArtifactKind =
  /** Something that runs: it has layers of a file system, or the config of an image. */
  | 'image'
  | 'index'
  /** A signature, an attestation, an SBOM: never gated, because it is what makes trust possible. */
  | 'supply-chain'
  /** A chart, a module, anything else: there is nothing in it to scan. */
  | 'other';
