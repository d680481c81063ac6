/** An OCI artifact that holds advisories, in whatever registry. */
export interface Artifact {
  digest: string;
  /** Where it is, for people. */
  name: string;
  artifactType: string;
  layers: readonly ArtifactLayer[];
}

export interface ArtifactLayer {
  mediaType: string;
  digest: string;
  /** Bytes. */
  size: number;
  annotations: Readonly<Record<string, string>>;
  /** Its bytes, which are compared with its digest: the last read throws where they are others. */
  read(): AsyncIterable<Uint8Array>;
}

/** Opens an artifact by `HOST/REPOSITORY:TAG`; throws AdvisoryImportError, or what says why it cannot be read. */
export type OpenArtifact = (reference: string, signal: AbortSignal) => Promise<Artifact>;
