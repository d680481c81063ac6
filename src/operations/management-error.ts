import { type ErrorCode, RegistryError } from '../errors/index.ts';

/** The codes of ARM that we answer with, each with its status and what it is to the rest of the program. */
const managementCodes = {
  AuthenticationFailed: { status: 401, code: 'UNAUTHORIZED' },
  AuthorizationFailed: { status: 403, code: 'DENIED' },
  BadRequest: { status: 400, code: 'BAD_REQUEST' },
  Conflict: { status: 409, code: 'CONFLICT' },
  InvalidApiVersionParameter: { status: 400, code: 'BAD_REQUEST' },
  InvalidParameter: { status: 400, code: 'BAD_REQUEST' },
  InvalidRequestContent: { status: 400, code: 'BAD_REQUEST' },
  InvalidResourceLocation: { status: 409, code: 'CONFLICT' },
  InvalidResourceName: { status: 400, code: 'BAD_REQUEST' },
  InvalidResourceType: { status: 404, code: 'NOT_FOUND' },
  LocationRequired: { status: 400, code: 'BAD_REQUEST' },
  MethodNotAllowed: { status: 405, code: 'UNSUPPORTED' },
  MissingApiVersionParameter: { status: 400, code: 'BAD_REQUEST' },
  NoRegisteredProviderFound: { status: 400, code: 'BAD_REQUEST' },
  NotFound: { status: 404, code: 'NOT_FOUND' },
  OperationFailed: { status: 409, code: 'CONFLICT' },
  ParentResourceNotFound: { status: 404, code: 'NOT_FOUND' },
  PreconditionFailed: { status: 412, code: 'PRECONDITION_FAILED' },
  PropertyChangeNotAllowed: { status: 409, code: 'CONFLICT' },
  QuotaExceeded: { status: 409, code: 'CONFLICT' },
  RequestContentTooLarge: { status: 413, code: 'SIZE_INVALID' },
  RequestTimeout: { status: 408, code: 'BAD_REQUEST' },
  ResourceGroupNotFound: { status: 404, code: 'NOT_FOUND' },
  ResourceNotFound: { status: 404, code: 'NOT_FOUND' },
  ResourceInUse: { status: 409, code: 'CONFLICT' },
  RoleAssignmentExists: { status: 409, code: 'CONFLICT' },
  SubscriptionNotFound: { status: 404, code: 'NOT_FOUND' },
  TooManyRequests: { status: 429, code: 'TOOMANYREQUESTS' },
  UnsupportedMediaType: { status: 415, code: 'BAD_REQUEST' },
} as const satisfies Record<string, { status: number; code: ErrorCode }>;

export type ManagementCode = keyof typeof managementCodes;

/** One of several reasons of an error. */
export interface ErrorDetail {
  code: string;
  message: string;
  /** The property, such as `properties.scopeMapId`. */
  target?: string;
}

export interface ManagementErrorOptions {
  target?: string;
  details?: readonly ErrorDetail[];
  headers?: Record<string, string>;
  /** For the log only. */
  cause?: unknown;
}

/** An error in ARM's words. Everything else that knows RegistryError treats it as one. */
export class ManagementError extends RegistryError {
  readonly managementCode: ManagementCode;
  readonly target: string | undefined;
  readonly details: readonly ErrorDetail[];

  constructor(code: ManagementCode, message: string, options: ManagementErrorOptions = {}) {
    const { status, code: registryCode } = managementCodes[code];
    const { headers = {}, cause } = options;
    super(registryCode, { status, message, headers, cause });
    this.managementCode = code;
    this.target = options.target;
    this.details = options.details ?? [];
  }
}

/** What errors of other parts are called by ARM; the rest by the status. */
const armCodes: Partial<Record<ErrorCode, string>> = {
  UNAUTHORIZED: 'AuthenticationFailed',
  DENIED: 'AuthorizationFailed',
  NOT_FOUND: 'NotFound',
  UNSUPPORTED: 'MethodNotAllowed',
  TOOMANYREQUESTS: 'TooManyRequests',
  PRECONDITION_FAILED: 'PreconditionFailed',
  CONFLICT: 'Conflict',
  UNAVAILABLE: 'ServiceUnavailable',
  INSUFFICIENT_STORAGE: 'InsufficientStorage',
  UNKNOWN: 'InternalServerError',
};

/** ARM's envelope (`error.code`, `.message`, `.target`, `.details`). */
export interface ErrorEnvelope {
  error: { code: string; message: string; target?: string; details?: readonly ErrorDetail[] };
}

export function errorEnvelope(error: RegistryError): ErrorEnvelope {
  if (error instanceof ManagementError) {
    const { managementCode, message, target, details } = error;
    return {
      error: {
        code: managementCode,
        message,
        ...(target !== undefined && { target }),
        ...(details.length > 0 && { details }),
      },
    };
  }
  const code =
    armCodes[error.code] ?? (error.status === 404 ? 'NotFound' : error.status === 409 ? 'Conflict' : 'BadRequest');
  return { error: { code, message: error.message } };
}
