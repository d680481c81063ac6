import type { FixState } from '../../admission/index.ts';
import type { Digest } from '../../oci/index.ts';
import type { Severity } from '../../packages/index.ts';

/** What an engine says against one package of an image. All text is bounded, and of one line. */
export interface EngineFinding {
  /** A CVE, or the id of an advisory. */
  id: string;
  package: string;
  version: string;
  /** Where the engine names one. */
  purl?: string;
  severity: Severity;
  /** Who says that it is so bad; the engine's name where it does not tell. */
  severitySource: string;
  fixState: FixState;
  fixedVersion?: string;
  cvss: { source: string; vector: string; score: number }[];
  summary: string;
  references: string[];
}

/** What an engine is, as it says of itself. */
export interface EngineScanner {
  name: string;
  version: string;
  /** Of its data (ms). */
  databaseAt?: number;
}

export interface EngineReport {
  scanner: EngineScanner;
  findings: EngineFinding[];
  /** It has more findings than are kept. */
  isCut: boolean;
}

/** An image that is to be scanned, at one of the places where it is. */
export interface EngineImage {
  digest: Digest;
  mediaType: string;
  /** The manifest. */
  bytes: Uint8Array;
  place: { registryId: number; repositoryId: number; repository: string };
}

/** A scanner beside the server itself. */
export interface Engine {
  readonly name: string;
  readonly kind: 'harbor' | 'trivy' | 'grype';
  /** Images at a time. */
  readonly parallel: number;
  /** How long one may take (ms). */
  readonly timeoutMs: number;
  /** Throws EngineError where there is no report, whoever's fault it is; and what `signal` was aborted with. */
  scan(image: EngineImage, signal: AbortSignal): Promise<EngineReport>;
}

/** Why an engine has no report. The message is shown to whoever may see the scan: it has neither paths nor credentials. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  /** Another attempt would end the same way: it does not scan such an image. */
  readonly isFinal: boolean;

  constructor(message: string, { cause, isFinal = false }: { cause?: unknown; isFinal?: boolean } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.isFinal = isFinal;
  }
}
