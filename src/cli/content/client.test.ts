import { afterAll, beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { z } from 'zod';
import { createDirectCaller } from '../../outbound/index.ts';
import { registryAddress } from '../registry-address.ts';
import { createContentClient } from './client.ts';
import { ContentError, contentMessage } from './content-error.ts';
import { imageOf } from './image.ts';
import { nextPage } from './next-page.ts';
import { repositoryScope, scopeWanted } from './scope.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 1000);

type Answer = (request: Request) => Response;
let answer: Answer = () => new Response();
let seen: string[] = [];
let waits: number[] = [];
const registry = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request) {
    const { pathname, search } = new URL(request.url);
    seen.push(`${request.method} ${pathname}${search}`);
    return answer(request);
  },
});
afterAll(() => registry.stop(true));
beforeEach(() => {
  seen = [];
  waits = [];
});

const client = (credentials: Parameters<typeof createContentClient>[0]['credentials']) =>
  createContentClient({
    server: registryAddress(`127.0.0.1:${registry.port}`),
    surroundings: { environment: {}, call: createDirectCaller(), metadata: undefined, say() {}, now: Date.now },
    credentials,
    sleep: async (ms) => void waits.push(ms),
  });
const withPassword = client({ username: 'reader', password: 'a:b' });
const names = { scope: 'registry:catalog:*', field: 'repositories', item: z.string() };
const refusal = (calling: Promise<unknown>) =>
  calling.then(
    () => 'answered',
    (error: unknown) => (error instanceof ContentError ? [error.status, error.code, contentMessage(error)] : error),
  );

describe('a token', () => {
  test('is asked for once for each scope, and for the one that a challenge names', async () => {
    answer = (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/oauth2/token') return Response.json({ access_token: `t${seen.length}` });
      if (pathname === '/acr/v1/other' && request.headers.get('authorization') !== 'Bearer t5') {
        const challenge =
          'Bearer realm="http://elsewhere.test/token",service="x",scope="repository:other:metadata_read,pull"';
        return new Response(null, { status: 401, headers: { 'WWW-Authenticate': challenge } });
      }
      return Response.json({ authorization: request.headers.get('authorization') });
    };
    const logged = client({ refresh: 'refresh' });
    const scope = repositoryScope('team', 'metadata_read');
    const authorization = async (path: string) =>
      ((await (await logged.send({ path, scope })).json()) as { authorization: string }).authorization;
    expect([await authorization('/acr/v1/team'), await authorization('/acr/v1/team')]).toEqual([
      'Bearer t1',
      'Bearer t1',
    ]);
    expect(await authorization('/acr/v1/other')).toBe('Bearer t5');
    expect(seen.filter((line) => line.includes('token'))).toEqual(['POST /oauth2/token', 'POST /oauth2/token']);
  });

  test('that is over is asked for anew, once for each request', async () => {
    let isOver = false;
    let given = 0;
    answer = (request) => {
      if (request.url.endsWith('/token')) return Response.json({ access_token: `t${++given}` });
      const authorization = request.headers.get('authorization');
      if (authorization === `Bearer t${given}` && !isOver) return Response.json({ authorization });
      const challenge = 'Bearer realm="x",service="y",scope="repository:a:pull",error="invalid_token"';
      return new Response(null, { status: 401, headers: { 'WWW-Authenticate': challenge } });
    };
    const logged = client({ refresh: 'r' });
    const ask = async () => (await logged.send({ path: '/v2/a/x', scope: 'repository:a:pull' })).json();
    expect(await ask()).toEqual({ authorization: 'Bearer t1' });
    given = 2;
    expect(await ask()).toEqual({ authorization: 'Bearer t3' });
    isOver = true;
    expect(await refusal(ask())).toMatchObject([401, 'HTTP 401', expect.any(String)]);
    expect(given).toBe(4);
  });

  test('that is refused again is the end', async () => {
    answer = (request) =>
      request.url.endsWith('/token')
        ? Response.json({ access_token: 't' })
        : Response.json(
            { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] },
            { status: 401, headers: { 'WWW-Authenticate': 'Bearer realm="x",scope="repository:a:pull"' } },
          );
    expect(
      await refusal(client({ refresh: 'r' }).send({ path: '/v2/a/tags/list', scope: 'repository:a:delete' })),
    ).toEqual([401, 'UNAUTHORIZED', 'authentication required']);
  });

  test('is not needed with a name and a password', async () => {
    answer = (request) => Response.json({ repositories: [request.headers.get('authorization')] });
    expect(await withPassword.all('/acr/v1/_catalog', names)).toEqual([`Basic ${btoa('reader:a:b')}`]);
  });
});

describe('pages', () => {
  const pages = (link: string) => () => Response.json({ repositories: ['a'] }, { headers: { Link: link } });

  test.each([
    ['<http://elsewhere.test/acr/v1/_catalog?last=a>; rel="next"', 'leads away from the registry'],
    ['<//elsewhere.test/x>; rel="next"', 'leads away from the registry'],
    ['<http://>; rel="next"', 'leads away from the registry'],
    ['</acr/v1/_catalog?n=100>; rel="next"', 'leads to the page itself'],
  ])('a link %p is not followed', async (link, why) => {
    answer = pages(link);
    expect(await refusal(withPassword.all('/acr/v1/_catalog', names))).toEqual([
      502,
      'BAD_LINK',
      expect.stringContaining(why),
    ]);
    expect(seen).toEqual(['GET /acr/v1/_catalog?n=100']);
  });

  test('are asked for as long as more is wanted', async () => {
    answer = ({ url }) => {
      const at = Number(new URL(url).searchParams.get('last') ?? 0);
      return Response.json(
        { repositories: [`r${at}`, `r${at + 1}`] },
        { headers: { link: `<?last=${at + 2}&n=2>; rel=next` } },
      );
    };
    expect(await withPassword.all('/acr/v1/_catalog', { ...names, top: 3 })).toEqual(['r0', 'r1', 'r2']);
    expect(seen).toEqual(['GET /acr/v1/_catalog?n=3', 'GET /acr/v1/_catalog?last=2&n=2']);
  });

  test('links are those of rel=next alone, and nothing of any text leads elsewhere', () => {
    const origin = 'https://registry.test';
    expect(nextPage('</a?b=1>; rel="prev"', '/a', origin)).toBeUndefined();
    expect(nextPage(null, '/a', origin)).toBeUndefined();
    expect(nextPage('<https://registry.test/a?last=x>; rel="next"', '/a', origin)).toBe('/a?last=x');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.webPath()), (target) => {
        let next: string | undefined;
        try {
          next = nextPage(`<${target}>; rel="next"`, '/acr/v1/_catalog?n=1', origin);
        } catch (error) {
          expect(error).toBeInstanceOf(ContentError);
          return;
        }
        if (next !== undefined) expect(new URL(`${origin}${next}`).origin).toBe(origin);
      }),
      { numRuns },
    );
  });
});

describe('an answer', () => {
  test.each([429, 503])('%i is waited for as long as it says, a few times', async (status) => {
    let left = 2;
    answer = () =>
      left-- > 0
        ? new Response(null, { status, headers: { 'Retry-After': '7' } })
        : Response.json({ repositories: [] });
    expect(await withPassword.all('/acr/v1/_catalog', names)).toEqual([]);
    expect(waits).toEqual([7000, 7000]);
    left = 1000;
    expect(await refusal(withPassword.all('/acr/v1/_catalog', names))).toEqual([
      status,
      `HTTP ${status}`,
      expect.any(String),
    ]);
    expect(seen).toHaveLength(3 + 5);
  });

  test('of nobody of ours, or with what a terminal obeys, is one line', async () => {
    answer = () => new Response('<html>', { status: 502 });
    expect(await refusal(withPassword.send({ path: '/v2/', scope: '' }))).toEqual([
      502,
      'HTTP 502',
      'the server answered 502 without saying why; is this the address of a registry?',
    ]);
    answer = () =>
      Response.json(
        { errors: [{ code: 'DENIED', message: 'no\n\u001b[2J' }, { code: 'LOCKED' }, 7] },
        { status: 403, headers: { 'X-Ms-Correlation-Request-Id': 'abc' } },
      );
    expect(await refusal(withPassword.send({ path: '/v2/', scope: '' }))).toEqual([
      403,
      'DENIED',
      'no\\n\\u001b[2J; LOCKED (request abc)',
    ]);
    answer = () => Response.json({ repositories: [1] });
    expect(await refusal(withPassword.all('/acr/v1/_catalog', names))).toEqual([502, 'BAD_ANSWER', expect.any(String)]);
  });
});

test('an image is a valid name with one tag or digest, whatever is typed', () => {
  const typed = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[a-z/:@.-]{1,20}$/),
    fc.constantFrom('a', 'a:b', 'a@sha256:', 'a:b@c', 'a:', ':a', 'a/../b', 'a?b', 'a%2fb', 'a:b/c'),
  );
  fc.assert(
    fc.property(typed, (text) => {
      let image: ReturnType<typeof imageOf>;
      try {
        image = imageOf('--image', text);
      } catch (error) {
        expect((error as Error).name).toBe('UsageError');
        return;
      }
      expect(image.repository).toMatch(/^[a-z0-9]+(?:(?:[._]|__|-+|\/)[a-z0-9]+)*$/);
      expect([image.tag, image.digest].filter((part) => part !== undefined)).toHaveLength(1);
    }),
    { numRuns },
  );
  expect(imageOf('--image', 'a/b')).toMatchObject({ repository: 'a/b', tag: 'latest' });
  const digest = `sha256:${'0a'.repeat(32)}`;
  expect(imageOf('--image', `a/b@${digest}`)).toMatchObject({ repository: 'a/b', digest, tag: undefined });
});

test('the scope of a challenge is found wherever it stands', () => {
  expect(scopeWanted('Bearer scope="a:b:c"')).toBe('a:b:c');
  expect(scopeWanted('Bearer realm="r",service="s",scope="repository:x:pull registry:catalog:*",error="e"')).toBe(
    'repository:x:pull registry:catalog:*',
  );
  expect(scopeWanted('Basic realm="r"')).toBeUndefined();
  expect(scopeWanted(null)).toBeUndefined();
});
