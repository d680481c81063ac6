/**
 * The closed union of error codes a caller can meet, with the HTTP status and the sentence that goes with each.
 * Codes up to TOOMANYREQUESTS are those of the OCI distribution spec, "Error Codes". The rest are older than it and
 * known to Docker's clients (TAG_INVALID, RANGE_INVALID, PAGINATION_NUMBER_INVALID, UNAVAILABLE, UNKNOWN), ACR's own for
 * what is locked (REGISTRY_DISALLOWED_OPERATION), or ours.
 */
export const errorCodes = {
  BLOB_UNKNOWN: { status: 404, message: 'blob unknown to this repository; push it or mount it here first' },
  BLOB_UPLOAD_INVALID: { status: 400, message: 'blob upload invalid; begin a new upload' },
  BLOB_UPLOAD_UNKNOWN: {
    status: 404,
    message: 'blob upload unknown to this repository: it ended, expired or belongs to another one; begin a new upload',
  },
  DIGEST_INVALID: { status: 400, message: 'provided digest did not match the content, or is malformed' },
  MANIFEST_BLOB_UNKNOWN: {
    status: 404,
    message: 'manifest references content unknown to this repository; push that first',
  },
  MANIFEST_INVALID: { status: 400, message: 'manifest invalid' },
  MANIFEST_UNKNOWN: { status: 404, message: 'manifest unknown to this repository' },
  NAME_INVALID: { status: 400, message: 'invalid repository name' },
  NAME_UNKNOWN: {
    status: 404,
    message: 'repository name not known to this registry; it comes into being with the first push',
  },
  SIZE_INVALID: { status: 400, message: 'provided length did not match the content' },
  TAG_INVALID: { status: 400, message: 'invalid tag' },
  UNAUTHORIZED: { status: 401, message: 'authentication required' },
  DENIED: { status: 403, message: 'requested access to the resource is denied' },
  UNSUPPORTED: { status: 405, message: 'the operation is unsupported' },
  TOOMANYREQUESTS: { status: 429, message: 'too many requests; try again after the time in Retry-After' },
  RANGE_INVALID: { status: 416, message: 'the requested range cannot be satisfied' },
  PAGINATION_NUMBER_INVALID: { status: 400, message: 'invalid number of results requested' },
  PRECONDITION_FAILED: {
    status: 412,
    message: 'the tag is not, or no longer, what the request demands; read it again',
  },
  CONFLICT: { status: 409, message: 'the request conflicts with what is there; read it again' },
  BAD_REQUEST: { status: 400, message: 'the request is malformed' },
  REGISTRY_DISALLOWED_OPERATION: {
    status: 405,
    message: 'The operation is disallowed on this registry, repository or image',
  },
  NOT_FOUND: { status: 404, message: 'nothing is served at this path' },
  UNAVAILABLE: { status: 503, message: 'the registry cannot serve this request now; try again' },
  INSUFFICIENT_STORAGE: { status: 507, message: 'the registry has no space left to store this' },
  UNKNOWN: { status: 500, message: 'the registry failed to handle the request; its log has more under the request id' },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof errorCodes;
