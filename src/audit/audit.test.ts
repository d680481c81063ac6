import { expect, test } from 'bun:test';
import type { Log } from '../telemetry/index.ts';
import { createAudit, type AuditEntry } from './audit.ts';

const entry: AuditEntry = {
  action: 'pull',
  outcome: 'allowed',
  actor: 'someone',
  actorName: 'Someone',
  identityKind: 'identity',
  tokenId: 'token',
  address: '192.0.2.1',
  requestId: 'request-1',
  registryId: 1,
  target: 'app',
};

function open() {
  const records: Record<string, unknown>[] = [];
  const disk = { isFull: false };
  const info: Log['info'] = (fields, message) => {
    if (disk.isFull) throw new Error('no space left on device');
    records.push({ ...fields, message });
  };
  const gathered = Promise.withResolvers<void>();
  const gather: Log['gather'] = (fields, message) => gathered.promise.then(() => info(fields, message));
  const log: Log = { info, debug: info, warn: info, error: info, record: info, gather, isLevelEnabled: () => true };
  return { records, gathered, disk, ...createAudit(log) };
}

test('what changes something is there before the call returns, with all that it says', () => {
  const audit = open();
  audit.record({ ...entry, action: 'push', detail: { path: '/v2/app/manifests/1' } });
  expect(audit.records).toEqual([
    { ...entry, action: 'push', audit: true, path: '/v2/app/manifests/1', message: 'allowed' },
  ]);
  audit.close();
  expect(audit.records.length).toBe(1);
});

test('what many do at once is there when its promise resolves', async () => {
  const audit = open();
  const told = audit.recordTogether({ ...entry, action: 'token.issue', detail: { issued: 'id' } });
  let isTold = false;
  void told.then(() => (isTold = true));
  await Bun.sleep(1);
  expect([isTold, audit.records]).toEqual([false, []]);
  audit.gathered.resolve();
  await told;
  expect(audit.records).toEqual([{ ...entry, action: 'token.issue', audit: true, issued: 'id', message: 'allowed' }]);
});

test('what only reads becomes one record of each caller and of what is alike, within a second, made of the first', async () => {
  const audit = open();
  const callers = [{}, {}, undefined];
  let made = 0;
  for (let at = 0; at < 1000; at++) {
    for (const caller of callers) {
      for (const target of ['app', 'other']) {
        audit.note(caller, target, () => (made++, { ...entry, target, requestId: `request-${at}` }));
      }
    }
  }
  expect([made, audit.records]).toEqual([6, []]);
  const until = Date.now() + 45_000;
  while (audit.records.length === 0 && Date.now() < until) await Bun.sleep(20);
  const expected = { requestId: 'request-0', count: 1000, from: expect.any(String) };
  const each = callers.flatMap(() => ['app', 'other'].map((target) => ({ ...entry, ...expected, target })));
  expect(audit.records).toMatchObject(each);
  audit.note(undefined, 'app', () => entry);
  audit.close();
  expect(audit.records.slice(6)).toEqual([{ ...entry, audit: true, message: 'allowed' }]);
});

test('what is kept is written at the end, and nothing is kept after that', () => {
  const audit = open();
  const note = () => audit.note(undefined, '', () => entry);
  note();
  note();
  audit.close();
  expect(audit.records).toMatchObject([{ count: 2 }]);
  note();
  expect(audit.records.length).toBe(2);
});

test('no more is kept than thousands, whoever it is by: then it is written at once', () => {
  const audit = open();
  const callers = [{}, {}, {}];
  for (let at = 0; at < 12_000; at++) {
    audit.note(callers[at % 3], `app/${at}`, () => ({ ...entry, target: `app/${at}` }));
  }
  expect(audit.records.length).toBe(10_000);
  audit.close();
  expect(new Set(audit.records.map(({ target }) => target)).size).toBe(12_000);
});

test('what only reads is kept while a full disk takes no record, up to a bound, and is written when there is room', async () => {
  const audit = open();
  audit.disk.isFull = true;
  const note = (at: number) => audit.note(undefined, `app/${at}`, () => ({ ...entry, target: `app/${at}` }));
  note(0);
  expect(() => audit.record(entry)).toThrow('no space left');
  // Longer than things are kept: nothing is thrown at nobody, which would end the process.
  await Bun.sleep(1200);
  let refused = 0;
  for (let at = 0; at < 10_000; at++) {
    try {
      note(at);
    } catch {
      refused++;
    }
  }
  // The last one that is kept tells that nothing can be written, too.
  expect(refused).toBe(5001);
  audit.disk.isFull = false;
  for (const until = Date.now() + 45_000; audit.records.length < 5000 && Date.now() < until;) await Bun.sleep(20);
  expect(audit.records).toHaveLength(5000);
  expect(audit.records[0]).toMatchObject({ target: 'app/0', count: 2 });
  audit.disk.isFull = true;
  note(0);
  audit.close();
});
