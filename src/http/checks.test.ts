import { expect, test } from 'bun:test';
import { isInTheClear, listenerChecks } from './checks.ts';

const here = { host: '127.0.0.1', port: 5000 };
const facts = { listen: here, hasTls: false, publicUrl: undefined, data: '/data', serverId: '/' };

test('a listener of a private endpoint without TLS is told of as the main one is', () => {
  const listeners = [
    { name: 'office', listen: { host: '10.1.0.5', port: 5443 } },
    { name: 'inner', listen: { host: '::1', port: 5444 } },
  ];
  const [check] = listenerChecks;
  expect(check!.look(facts)).toEqual([]);
  const [found] = check!.look({ ...facts, listeners });
  expect(found!.problem).toBe('The server listens on 10.1.0.5, and not by TLS');
  expect(check!.look({ ...facts, listeners, hasTls: true })).toEqual([]);
  expect([isInTheClear({ ...facts, listeners }), isInTheClear(facts)]).toEqual([true, false]);
});
