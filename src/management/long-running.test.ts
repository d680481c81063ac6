import { expect, test } from 'bun:test';
import { groupScope } from '../operations/index.ts';
import { registries, startManagement } from './test-management.double.ts';

const registry = `${groupScope}/providers/${registries.type}/Registry`;
const copy = `${registry}/replications/west`;
const location = 'here';

test('a long-running write is followed until it has ended', async () => {
  await using rig = await startManagement();
  await rig.call('PUT', registry, { location });
  const created = await rig.call('PUT', copy, { location });
  expect(created.status).toBe(201);
  expect(await created.json()).toMatchObject({ properties: { provisioningState: 'Creating' } });
  expect(created.headers.get('location')).toBeNull();
  const status = created.headers.get('azure-asyncoperation')!;
  expect(status).toStartWith(`${rig.url}${copy}/operationStatuses/`);
  const first = await rig.call('GET', status);
  expect(first.headers.get('retry-after')).toBe('1');
  expect(await first.json()).toMatchObject({ status: 'InProgress', startTime: '2026-01-02T00:00:00.000Z' });

  const changed = await rig.call('PATCH', copy, { tags: { a: 'b' } });
  expect(await changed.json()).toMatchObject({ properties: { provisioningState: 'Updating' } });
  rig.release.resolve();
  await rig.management.settle();
  expect(await (await rig.call('GET', status)).json()).toMatchObject({
    status: 'Succeeded',
    endTime: '2026-01-02T00:00:00.000Z',
  });
  expect(await (await rig.call('GET', copy)).json()).toMatchObject({
    tags: { a: 'b' },
    properties: { provisioningState: 'Succeeded' },
  });
  // Of another resource there is no such operation.
  expect((await rig.call('GET', status.replace('/replications/west', ''))).status).toBe(404);
});

test('a deletion answers 202 at first, and its result is empty', async () => {
  await using rig = await startManagement();
  await rig.call('PUT', registry, { location });
  rig.release.resolve();
  await rig.call('PUT', copy, { location });
  await rig.management.settle();
  const deleted = await rig.call('DELETE', copy);
  expect([deleted.status, await deleted.text()]).toEqual([202, '']);
  await rig.management.settle();
  const result = deleted.headers.get('location')!;
  expect(result).toContain('/operationResults/');
  expect((await rig.call('GET', result)).status).toBe(204);
  expect((await rig.call('GET', copy)).status).toBe(404);
});

test('what is being deleted is not written any more, and goes once', async () => {
  await using rig = await startManagement();
  await rig.call('PUT', registry, { location });
  await rig.call('PUT', copy, { location });
  expect((await rig.call('DELETE', copy)).status).toBe(202);
  expect(await (await rig.call('GET', copy)).json()).toMatchObject({ properties: { provisioningState: 'Deleting' } });
  expect((await rig.call('PUT', copy, { location })).status).toBe(409);
  expect((await rig.call('DELETE', copy)).status).toBe(202);
  rig.release.resolve();
  await rig.management.settle();
  expect((await rig.call('GET', copy)).status).toBe(404);
});

test('a failure is told with its code, without what is inside', async () => {
  await using rig = await startManagement();
  await rig.call('PUT', registry, { location });
  rig.release.resolve();
  const created = await rig.call('PUT', copy, { location, properties: { fails: true } });
  await rig.management.settle();
  const status = created.headers.get('azure-asyncoperation')!;
  const told = await (await rig.call('GET', status)).json();
  const error = { code: 'InternalServerError', message: 'the operation failed; the log has the reason' };
  expect(told).toMatchObject({ status: 'Failed', error });
  const result = await rig.call('GET', status.replace('operationStatuses', 'operationResults'));
  expect([result.status, await result.json()]).toEqual([409, { error }]);
  expect(await (await rig.call('GET', copy)).json()).toMatchObject({ properties: { provisioningState: 'Failed' } });
});

test('the result of an action is there once it has ended', async () => {
  await using rig = await startManagement();
  await rig.call('PUT', registry, { location });
  const begun = await rig.call('POST', `${registry}/rebuild`);
  expect(begun.status).toBe(202);
  const result = begun.headers.get('location')!;
  expect((await rig.call('GET', result)).status).toBe(202);
  rig.release.resolve();
  await rig.management.settle();
  const ended = await rig.call('GET', result);
  expect([ended.status, await ended.json()]).toEqual([200, { rebuilt: 3 }]);
});
