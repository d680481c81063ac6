import { expect, test } from 'bun:test';
import { refreshToken } from '../../test/http/tokens.ts';
import { basic, nullUser } from '../../test/support/people.ts';
import { startWatchedApp } from '../../test/support/watched-app.ts';
import { publicWay } from '../exchange/index.ts';
import { createOauth2, type Oauth2Exchange, type Oauth2Options } from './index.ts';

test('a token is not answered before it is recorded, and not at all where it cannot be', async () => {
  await using server = await startWatchedApp();
  const { people, app, url } = server;
  await people.identity('reader');
  const shown = basic(nullUser, await refreshToken(url, await people.jwt('reader')));
  const exchange = (): Oauth2Exchange => ({
    request: new Request(url, { headers: { Host: server.host, Authorization: shown } }),
    method: 'GET',
    path: '/oauth2/token',
    query: 'scope=repository:app:pull',
    registryId: 1,
    requestId: 'request-1',
    address: () => '127.0.0.1',
    way: () => publicWay,
    isLocal: () => true,
    atDataEndpoint: false,
    origin: () => url,
    bytes: () => Promise.reject(new Error('there is no body')),
    route: 'none',
  });
  const { identification, authenticator } = app.access;
  const lifetimes = { accessMs: 60_000, refreshMs: 60_000 };
  const others = { identification, authenticator, lifetimes, isService: () => true, admit() {}, refused() {} };
  const ask = (granted: Oauth2Options['granted']) => createOauth2({ ...others, granted })(exchange())!;

  const recorded = Promise.withResolvers<void>();
  const outcomes: unknown[] = [];
  const answer = ask((_, told) => (outcomes.push(told), recorded.promise));
  let isAnswered = false;
  void answer.then(() => (isAnswered = true));
  while (outcomes.length === 0) await Bun.sleep(1);
  await Bun.sleep(20);
  expect(outcomes).toMatchObject([{ action: 'token.issue', asked: 'repository:app:pull', granted: '' }]);
  expect(isAnswered).toBe(false);
  recorded.resolve();
  expect((await answer).status).toBe(200);

  expect(ask(() => Promise.reject(new Error('the disk is full')))).rejects.toThrow('the disk is full');
});
