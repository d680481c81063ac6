import { expect, test } from 'bun:test';
import { listenError, listenOnFreePort } from './listen.ts';

const refusing = (code: string) => (): never => {
  throw Object.assign(new Error('what the system says'), { code });
};

test('ports that are taken are passed over, as many as that takes but not for ever', () => {
  const tried: number[] = [];
  const third = listenOnFreePort({ host: '127.0.0.1', port: 5000 }, (port) => {
    tried.push(port);
    return port === 5002 ? port : refusing('EADDRINUSE')();
  });
  expect([third, ...tried]).toEqual([5002, 5000, 5001, 5002]);
  expect(() => listenOnFreePort({ host: '127.0.0.1', port: 65_530 }, refusing('EADDRINUSE'))).toThrow(
    'listen: the ports 65530 to 65535 of 127.0.0.1 are taken; choose another one',
  );
});

test.each([
  ['EADDRINUSE', 'metrics.listen: [::1]:80 is taken; choose another port'],
  ['EACCES', 'metrics.listen: this user may not listen on [::1]:80; ports below 1024 take a privilege'],
  ['EADDRNOTAVAIL', 'metrics.listen: this machine does not have the address ::1'],
  ['EOTHER', 'metrics.listen: what the system says'],
])('%s is put into words', (code, message) => {
  const cause = Object.assign(new Error('what the system says'), { code });
  expect(listenError('metrics.listen', { host: '::1', port: 80 }, cause).message).toBe(message);
});
