import { afterAll, beforeAll, expect, test } from 'bun:test';
import { bearer } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import type { Exchange } from '../distribution/index.ts';
import { needsOf } from '../distribution/needs.ts';
import { publicWay } from '../exchange/index.ts';
import { RegistryError } from '../errors/index.ts';
import { createGates } from './gates.ts';

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
  await server.people.assign('Container Registry Repository Reader', await server.people.identity('reader'));
});
afterAll(() => server[Symbol.asyncDispose]());

function exchangeOf(authorization: string | undefined): Exchange {
  const headers = authorization === undefined ? {} : { Authorization: authorization };
  return {
    request: new Request(`${server.url}/v2/app/manifests/latest`, { headers }),
    method: 'GET',
    path: '/v2/app/manifests/latest',
    query: '',
    registryId: 1,
    requestId: 'request',
    route: 'manifest',
    address: () => '127.0.0.1',
    way: () => publicWay,
    isLocal: () => true,
    atDataEndpoint: false,
    origin: () => server.url,
    untimed() {},
  };
}

const asked = {
  needs: needsOf({ kind: 'manifest', name: 'app', reference: 'latest' }, 'pull', ''),
  isBase: false,
  finishes: false,
};

test('a caller who is known passes the gates without a promise', async () => {
  const refused: string[] = [];
  const gates = createGates({ ...server.app.access, refused: (_, { reason }) => void refused.push(reason) });
  const shown = bearer(await server.people.jwt('reader'));
  for (const gate of gates) {
    const exchange = exchangeOf(shown);
    await gates[0](exchange, asked);
    await gate(exchange, asked);
  }
  const exchange = exchangeOf(shown);
  for (const gate of gates) expect(gate(exchange, asked)).toBeUndefined();
  const again = exchangeOf(shown);
  void gates[0](again, asked);
  expect(again.caller).toBe(exchange.caller);
  expect(refused).toEqual([]);
});

test('whoever shows nothing is one caller of the registry', () => {
  const [authenticate] = createGates({ ...server.app.access, refused: () => {} });
  const [one, other] = [exchangeOf(undefined), exchangeOf(undefined)];
  for (const exchange of [one, other]) void authenticate(exchange, asked);
  expect(one.caller).toBeDefined();
  expect(one.caller).toBe(other.caller);
});

test('nobody passes who is not known to have the right, whatever the route', async () => {
  const gates = createGates({ ...server.app.access, refused: () => {} });
  const exchange = exchangeOf(undefined);
  for (const gate of gates.slice(0, 1)) await gate(exchange, asked);
  const name = 'app';
  const routes = [
    [{ kind: 'manifest', name, reference: 'x' }, ['pull', 'push', 'delete']],
    [{ kind: 'blob', name, digest: 'x' }, ['pull', 'delete']],
    [{ kind: 'tags', name }, ['list']],
    [{ kind: 'referrers', name, digest: 'x' }, ['list']],
    [{ kind: 'uploads', name }, ['push']],
    [{ kind: 'upload', name, id: 'x' }, ['push']],
    [{ kind: 'catalog' }, ['list']],
  ] as const;
  for (const [route, actions] of routes) {
    for (const action of actions) {
      const wanted = { needs: needsOf(route, action, ''), isBase: false, finishes: route.kind === 'upload' };
      expect(() => gates[1](exchange, wanted)).toThrow(RegistryError);
    }
  }
});
