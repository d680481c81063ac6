import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { asOperator, openRaw, portOf, requestText } from '../../test/http/raw.ts';
import { openUpload, pushBlob, pushImage, randomBytes } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

test('requests, refusals, bytes both ways and open uploads are counted', async () => {
  await using server = await startTestApp();
  const sample = async (line: string): Promise<number> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const escaped = line.replaceAll(/[{}"]/g, '\\$&');
    return Number(new RegExp(`^${escaped} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };

  expect(await sample('bonded_upload_bytes_total')).toBe(0);
  const blob = randomBytes(10_000);
  const digest = await pushBlob(server.url, 'metrics', blob);
  const session = await openUpload(server.url, 'metrics');
  await fetch(session, { method: 'PATCH', body: 'hello' });
  await fetch(`${session}?digest=${digest}`, { method: 'PUT', body: 'world' });
  expect(await sample('bonded_upload_bytes_total')).toBe(10_005);

  await (await fetch(`${server.url}/v2/metrics/blobs/${digest}`)).arrayBuffer();
  await (await fetch(`${server.url}/v2/metrics/blobs/${digest}`, { headers: { Range: 'bytes=0-99' } })).arrayBuffer();
  await fetch(`${server.url}/v2/metrics/blobs/${digest}`, { method: 'HEAD' });
  expect(await sample('bonded_blob_bytes_total')).toBe(10_100);

  expect(await sample('bonded_http_requests_total{method="GET",route="blob",status="200"}')).toBe(1);
  expect(await sample('bonded_http_requests_total{method="GET",route="blob",status="206"}')).toBe(1);
  expect(await sample('bonded_http_requests_total{method="HEAD",route="blob",status="200"}')).toBe(1);
  expect(await sample('bonded_http_requests_total{method="PUT",route="upload",status="400"}')).toBe(1);
  expect(await sample('bonded_http_refusals_total{code="DIGEST_INVALID"}')).toBe(1);
  expect(await sample('bonded_http_request_seconds_count{route="blob"}')).toBe(3);
  await pushImage(server.url, 'metrics', 'latest');
  await fetch(`${server.url}/v2/metrics/manifests/latest`);
  expect(await sample('bonded_http_request_seconds_count{route="manifest"}')).toBe(2);

  expect(await sample('bonded_uploads_active')).toBe(0);
  using connection = await openRaw(portOf(server.url));
  const headers = ['Host: localhost', 'Content-Length: 10'];
  connection.socket.write(`${asOperator(server.url, requestText('PATCH', new URL(session).pathname, headers))}hello`);
  for (let tries = 0; tries < 1000 && (await sample('bonded_uploads_active')) === 0; tries++) await Bun.sleep(10);
  expect(await sample('bonded_uploads_active')).toBe(1);
});

test('a proxy on this machine that passes on what others send gives them no metrics', async () => {
  await using server = await startTestApp({
    settings: { 'network.linkHeader': 'X-Link', trustedProxies: '127.0.0.1' },
  });
  const ask = async (headers: Record<string, string> = {}) =>
    (await fetch(`${server.url}/metrics`, { headers, anonymous: true })).status;
  expect(await ask()).toBe(200);
  for (const [name, value] of [
    ['X-Forwarded-For', '203.0.113.9'],
    ['Forwarded', 'for=203.0.113.9'],
    ['Via', '1.1 proxy'],
    ['X-Link', 'vpce-1'],
  ] as const)
    expect([name, await ask({ [name]: value })]).not.toEqual([name, 200]);
});
