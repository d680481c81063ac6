import { type ErrorCode, errorCodes } from './codes.ts';

export interface ErrorOptions {
  /** Replaces the code's standard sentence; says what happened and what to do. */
  message?: string;
  /** Machine-readable facts for the caller: the digest, the tag, the limit. Never anything internal. */
  detail?: unknown;
  /** Replaces the code's standard HTTP status. */
  status?: number;
  /** Headers the answer must carry, such as Location and Range of a refused chunk. */
  headers?: Record<string, string>;
  /** For the log only. */
  cause?: unknown;
}

/** The one typed error. Thrown at any depth, rendered and logged at the edge alone. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Record<string, string>;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    super(options.message ?? errorCodes[code].message, { cause: options.cause });
    this.code = code;
    this.status = options.status ?? errorCodes[code].status;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
  }
}
