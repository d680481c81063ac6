import { describe, expect, test } from 'bun:test';
import { type ErrorCode, errorCodes, RegistryError } from './index.ts';

/** distribution-spec "Error Codes", with the statuses that its table of endpoints names for them. */
const specified: Record<string, number> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
};

describe('error codes', () => {
  test('all codes of the specification are there, with its statuses', () => {
    for (const [code, status] of Object.entries(specified)) {
      const known: number | undefined = errorCodes[code as ErrorCode]?.status;
      expect({ code, status: known }).toEqual({ code, status });
    }
  });

  test('a code is made of uppercase letters and underscores, and has a sentence that fits a Warning header', () => {
    for (const [code, { message, status }] of Object.entries(errorCodes)) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect(message).toMatch(/^[\x20-\x7e]{10,200}$/);
      expect(message).not.toMatch(/[."\\]$/);
      expect(status).toBeWithin(400, 600);
    }
  });
});

describe('RegistryError', () => {
  test('takes status and message from the table', () => {
    const error = new RegistryError('MANIFEST_UNKNOWN', { detail: { tag: 'v1' } });
    expect(error).toMatchObject({ code: 'MANIFEST_UNKNOWN', status: 404, detail: { tag: 'v1' }, headers: {} });
    expect(error.message).toBe(errorCodes.MANIFEST_UNKNOWN.message);
    expect(error).toBeInstanceOf(Error);
  });

  test('options replace both, and keep the cause for the log', () => {
    const cause = new Error('disk');
    const error = new RegistryError('SIZE_INVALID', { status: 413, message: 'too large', headers: { A: 'b' }, cause });
    expect(error).toMatchObject({ status: 413, message: 'too large', headers: { A: 'b' }, cause });
  });
});
