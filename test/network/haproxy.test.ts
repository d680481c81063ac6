import { afterAll, beforeAll, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { managementOf, registry } from '../support/management.ts';
import { startTestProcess, type TestProcess } from '../support/server.ts';
import { awsLink, azureLink, proxyHeader, startBalancer, tlv, tlvTypes } from './balancer.ts';
import { type Haproxy, startHaproxy } from './haproxy.ts';

/*
 * HAProxy as deploy/haproxy has it tells Bonded by which private link of Azure or AWS a connection came. The bytes of the
 * balancer are made here, by its provider's documentation.
 */

const approved = { azure: 0x1234_abcd, aws: 'vpce-08d2bf15fac5001c9' };
const header = 'X-Bonded-Link';

let server: TestProcess;
let proxy: Haproxy;
beforeAll(async () => {
  server = await startTestProcess({
    settings: { trustedProxies: '127.0.0.1', 'network.linkHeader': header, hosts: 'localhost' },
  });
  proxy = await startHaproxy(server.host);
  const owner = managementOf(server.url);
  const state = (status: string) => ({ privateLinkServiceConnectionState: { status } });
  const connection = (name: string) => `${registry}/privateEndpointConnections/${name}`;
  await owner.put(connection('azure'), { linkId: String(approved.azure), ...state('Approved') });
  await owner.put(connection('aws'), { linkId: approved.aws, ...state('Approved') });
  await owner.put(connection('pending'), { linkId: '7', ...state('Pending') });
  await owner.patch(registry, { publicNetworkAccess: 'Disabled' });
}, 120_000);
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** The status of the base for somebody behind a balancer that says so; undefined where the connection ends. */
async function statusBy(
  preface: Buffer,
  more: { chunk?: number; from?: string; headers?: Record<string, string> } = {},
) {
  const { headers = {}, ...how } = more;
  await using balancer = await startBalancer(preface, { port: proxy.ports.private, ...how });
  const answer = await fetch(`https://localhost:${balancer.port}/v2/`, { headers, tls: { ca: proxy.ca } }).catch(
    () => undefined,
  );
  return answer?.status;
}

/** Refused, and logged by whom. */
async function refusedAs(preface: Buffer): Promise<string> {
  const before = server.output().length;
  expect(await statusBy(preface)).toBe(403);
  for (const until = Date.now() + 45_000; Date.now() < until; await Bun.sleep(10)) {
    const line = server
      .output()
      .slice(before)
      .split('\n')
      .find((text) => text.includes('"reason":"network"'));
    if (line?.endsWith('}')) return `${/"way":"([^"]*)"/.exec(line)?.[1]} ${/"address":"([^"]*)"/.exec(line)?.[1]}`;
  }
  throw new Error('the refusal was not recorded');
}

test('the link of a connection is known, of Azure and of AWS, by IPv4 and by IPv6', async () => {
  for (const version of [4, 6] as const) {
    for (const link of [azureLink(approved.azure), awsLink(approved.aws)]) {
      expect(await statusBy(proxyHeader([link], { version }))).toBe(401);
      // As balancers send more than that.
      const more = [tlv(tlvTypes.crc, Buffer.alloc(4)), tlv(tlvTypes.noop, Buffer.alloc(40))];
      const around = [more[1]!, link, tlv(tlvTypes.noop, '')];
      expect(await statusBy(proxyHeader(around, { version }))).toBe(401);
    }
  }
});

test('a header that arrives byte by byte is the same header', async () => {
  expect(await statusBy(proxyHeader([azureLink(approved.azure)]), { chunk: 1 })).toBe(401);
  expect(await statusBy(proxyHeader([awsLink(approved.aws)]), { chunk: 13 })).toBe(401);
});

test('a link that no owner has approved is refused, and recorded with its address', async () => {
  expect(await refusedAs(proxyHeader([azureLink(7)]))).toBe('link:7 192.0.2.77');
  expect(await refusedAs(proxyHeader([azureLink(0xffff_ffff)]))).toBe('link:4294967295 192.0.2.77');
  expect(await refusedAs(proxyHeader([awsLink('vpce-0000')], { version: 6 }))).toBe('link:vpce-0000 2001:db8::77');
  // The lowest byte comes first.
  expect(await refusedAs(proxyHeader([azureLink(0xcdab_3412)]))).toBe('link:3450549266 192.0.2.77');
});

test('what is no such header, or has not exactly one link, ends the connection', async () => {
  const good = azureLink(approved.azure);
  const wrong: Record<string, Buffer> = {
    none: proxyHeader([]),
    other: proxyHeader([tlv(tlvTypes.uniqueId, approved.aws)]),
    two: proxyHeader([good, good]),
    both: proxyHeader([good, awsLink(approved.aws)]),
    local: proxyHeader([good], { command: 0x20 }),
    version: proxyHeader([good], { command: 0x11 }),
    short: proxyHeader([tlv(tlvTypes.azure, Buffer.from([1, 2, 3]))]),
    subtype: proxyHeader([tlv(tlvTypes.azure, Buffer.from([2, 1, 2, 3, 4]))]),
    name: proxyHeader([awsLink('vpce-1\r\nX: y')]),
    cut: proxyHeader([good.subarray(0, 4)]),
    text: Buffer.from('PROXY TCP4 192.0.2.77 10.0.0.1 40000 443\r\n'),
    nothing: Buffer.alloc(0),
  };
  for (const [name, preface] of Object.entries(wrong)) {
    expect([name, await statusBy(preface)]).toEqual([name, undefined]);
  }
});

test('a header that does not come to its end ends the connection', async () => {
  const half = proxyHeader([azureLink(approved.azure)]).subarray(0, 30);
  await using balancer = await startBalancer(half, { port: proxy.ports.private });
  // In place of the rest the client says nothing, until HAProxy has waited for long enough.
  expect(await rawStatus(balancer.port, Buffer.alloc(0))).toBe(0);
});

test('only the balancer may say so', async () => {
  const preface = proxyHeader([azureLink(approved.azure)]);
  expect(await statusBy(preface, { from: '127.0.0.3' })).toBeUndefined();
});

const publicly = (headers: Record<string, string>) =>
  fetch(`https://localhost:${proxy.ports.public}/v2/`, { headers, tls: { ca: proxy.ca } });

test('a client that names a link, or another address, gains nothing, by whichever way', async () => {
  const claims: Record<string, string>[] = [
    { [header]: approved.aws },
    { [header.toLowerCase()]: String(approved.azure) },
    { [header]: approved.aws, 'X-Forwarded-For': '127.0.0.1', Forwarded: 'for=127.0.0.1' },
    { 'X-Forwarded-For': '10.0.0.1' },
  ];
  for (const headers of claims) {
    expect((await publicly(headers)).status).toBe(403);
    const pending = proxyHeader([azureLink(7)]);
    expect(await statusBy(pending, { headers })).toBe(403);
  }
});

test('a PROXY header to the public, or to Bonded itself, gains nothing', async () => {
  const preface = proxyHeader([azureLink(approved.azure)]);
  const request = Buffer.from('GET /v2/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  const { port } = new URL(server.url);
  for (const first of [preface, Buffer.from('PROXY TCP4 192.0.2.77 10.0.0.1 40000 443\r\n')]) {
    expect(await rawStatus(Number(port), Buffer.concat([first, request]))).toBe(400);
    // There it is no TLS.
    expect(await rawStatus(proxy.ports.public, Buffer.concat([first, request]))).toBe(0);
  }
});

/** The status of what comes back; 0 where that is no HTTP. */
function rawStatus(port: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const end = () => {
      socket.destroy();
      resolve(Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(text)?.[1] ?? 0));
    };
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', end).on('close', end).setTimeout(10_000, end);
  });
}
