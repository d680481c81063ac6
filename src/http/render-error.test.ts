import { expect, test } from 'bun:test';
import { asRegistryError, RegistryError } from '../errors/index.ts';
import { renderError } from './render-error.ts';

const failure = (code: string) => Object.assign(new Error('inside'), { code });

test.each([
  ['ENOSPC', 507],
  ['EDQUOT', 507],
  ['SQLITE_FULL', 507],
  ['SQLITE_IOERR_SHMSIZE', 507],
  ['53100', 507],
  ['EMFILE', 503],
  ['ECONNREFUSED', 503],
  ['SQLITE_BUSY', 503],
  ['08006', 503],
  ['57P01', 503],
  ['53300', 503],
  ['57014', 503],
  ['25006', 503],
  ['EROFS', 503],
  ['SQLITE_READONLY', 503],
  ['SQLITE_CORRUPT', 500],
  ['23505', 500],
  ['EACCES', 500],
])('a failure with the code %s is %i, and its message stays inside', async (code, status) => {
  const answer = renderError(asRegistryError(failure(code)), 'GET', 'r-1');
  expect(answer.status).toBe(status);
  expect(answer.headers.get('retry-after')).toBe(status === 503 ? '5' : null);
  expect(await answer.text()).not.toContain('inside');
});

test('what only follows from a failure counts as that failure', () => {
  const follows = new Error('the log could not be synced', {
    cause: new Error('in between', { cause: failure('ENOSPC') }),
  });
  expect(asRegistryError(follows)).toMatchObject({ status: 507, cause: follows });
  const own = Object.assign(new Error('broken', { cause: failure('ENOSPC') }), { code: 'EIO' });
  expect(asRegistryError(own).status).toBe(500);
});

test.each([undefined, null, 'text', 5, {}, { code: 5 }])('even %p thrown becomes an answer', async (thrown) => {
  const answer = renderError(asRegistryError(thrown), 'GET', 'r-1');
  expect(await answer.json()).toMatchObject({ errors: [{ code: 'UNKNOWN', detail: { requestId: 'r-1' } }] });
});

test('lesson 25: whoever is told to come again is told when', () => {
  for (const code of ['TOOMANYREQUESTS', 'UNAVAILABLE'] as const) {
    for (const method of ['GET', 'HEAD', 'PUT']) {
      expect(renderError(new RegistryError(code), method, 'r-1').headers.get('retry-after')).toBe('5');
    }
    const known = new RegistryError(code, { headers: { 'Retry-After': '30' } });
    expect(renderError(known, 'PUT', 'r-1').headers.get('retry-after')).toBe('30');
  }
});

test('the body has code, message, and the detail with the request id', async () => {
  const error = new RegistryError('BLOB_UNKNOWN', { detail: { digest: 'sha256:0' }, headers: { 'X-A': 'b' } });
  const answer = renderError(error, 'GET', 'r-1');
  expect(answer.status).toBe(404);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.headers.get('x-a')).toBe('b');
  const detail = { digest: 'sha256:0', requestId: 'r-1' };
  expect(await answer.json()).toEqual({ errors: [{ code: error.code, message: error.message, detail }] });
});

test('HEAD has the length of the body that GET would have, and says why in a Warning', async () => {
  const error = new RegistryError('DENIED', { message: 'no "pull"\r\nInjected: \\ é 漢' });
  const head = renderError(error, 'HEAD', 'r-1');
  const get = renderError(error, 'GET', 'r-1');
  expect(await head.text()).toBe('');
  expect(Number(head.headers.get('content-length'))).toBe((await get.bytes()).byteLength);
  expect(head.headers.get('warning')).toBe('299 - "no  pull   Injected:      "');
  expect(renderError(new RegistryError('BLOB_UNKNOWN'), 'HEAD', 'r-1').headers.get('warning')).toBeNull();
});
