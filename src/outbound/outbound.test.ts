import { expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { createOutbound, type Outbound, type OutboundRequest } from './outbound.ts';
import type { OutboundError } from './outbound-error.ts';
import { openRawServer, openTlsServer } from './test-servers.double.ts';

const patient = { maxBytes: 65_536, timeoutMs: 30_000 };
const here = async () => ['127.0.0.1'];
const local = createOutbound({ allow: ['localhost'] });

async function reasonOf(calling: Promise<unknown>): Promise<string> {
  return calling.then(
    () => 'none',
    (error: OutboundError) => error.reason,
  );
}

const get = (outbound: Outbound, url: string, more: Partial<OutboundRequest> = {}) =>
  outbound.request(url, { ...patient, ...more });

const answerOf = (body: string, ...headers: string[]) =>
  `HTTP/1.1 200 OK\r\n${[`content-length: ${Buffer.byteLength(body)}`, ...headers].join('\r\n')}\r\n\r\n${body}`;

const redirectTo = (location: string, status = 302) =>
  `HTTP/1.1 ${status} Found\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`;

test('an answer comes with its status, headers and bytes, and without cookies', async () => {
  await using server = await openRawServer((socket) => socket.end(answerOf('hello', 'x-a: b', 'set-cookie: c=d')));
  const answer = await get(local, server.url);
  expect([answer.status, Buffer.from(answer.bytes).toString(), answer.url]).toEqual([200, 'hello', server.url]);
  expect([answer.headers.get('x-a'), answer.headers.get('set-cookie')]).toEqual(['b', null]);
});

test('what is sent: Host, what the caller wants, no packing, nothing that lives on', async () => {
  let seen = '';
  await using server = await openRawServer((socket, request) => {
    seen = request;
    socket.end(answerOf(''));
  });
  const body = '{"a":1}';
  const headers = { 'content-type': 'application/json' };
  await get(local, `${server.url}path?q`, { method: 'POST', body, headers, accept: 'application/json' });
  const [line, ...lines] = seen.split('\r\n\r\n')[0]!.toLowerCase().split('\r\n');
  expect(line).toBe('post /path?q http/1.1');
  expect(lines.toSorted()).toEqual([
    'accept-encoding: identity',
    'accept: application/json',
    'connection: close',
    'content-length: 7',
    'content-type: application/json',
    `host: localhost:${server.port}`,
    'user-agent: bonded',
  ]);
});

test('the environment names proxies, and nobody is asked but the server', async () => {
  await using server = await openRawServer((socket) => socket.end(answerOf('direct')));
  const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY'];
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) process.env[name] = 'http://127.0.0.1:1';
  try {
    expect(Buffer.from((await get(local, server.url)).bytes).toString()).toBe('direct');
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test('lesson 58: addresses that are not on the internet are refused before anybody connects', async () => {
  let connections = 0;
  await using server = await openRawServer((socket) => {
    connections++;
    socket.end(answerOf(''));
  });
  const strict = createOutbound({ allow: [], resolve: here });
  const hosts = ['rebound.example', '127.0.0.1', '[::1]', '10.0.0.1', '169.254.169.254', '[fd00::1]', '0.0.0.0'];
  for (const host of hosts) {
    expect(await reasonOf(get(strict, `https://${host}:${server.port}/`))).toBe('address_refused');
    expect(await reasonOf(get(strict, `http://${host}:${server.port}/`))).toBe('http_refused');
  }
  expect(connections).toBe(0);
});

test('one refused address among public ones refuses the name', async () => {
  for (const addresses of [
    ['93.184.215.14', '10.0.0.1'],
    ['2606:2800:21f::1', '::ffff:10.0.0.1'],
  ]) {
    const mixed = createOutbound({ allow: [], resolve: async () => addresses });
    expect(await reasonOf(get(mixed, 'https://mixed.example/'))).toBe('address_refused');
  }
});

test('rebinding: the address that was checked is the one connected to, and a name is looked up once', async () => {
  await using good = await openRawServer((socket) => socket.end(answerOf('checked')));
  let asked = 0;
  const rebinding = createOutbound({
    allow: ['rebinding.example'],
    // A second look would lead to a port that answers something else.
    resolve: async () => (asked++ === 0 ? ['127.0.0.1'] : ['169.254.169.254']),
  });
  const answer = await get(rebinding, `http://rebinding.example:${good.port}/`);
  expect([Buffer.from(answer.bytes).toString(), asked]).toEqual(['checked', 1]);
  expect(await reasonOf(get(rebinding, `http://rebinding.example:${good.port}/`))).toBe('address_refused');
});

test('rebinding between two redirects is seen, too', async () => {
  let connections = 0;
  await using server = await openRawServer((socket) => {
    connections++;
    socket.end(redirectTo('/again'));
  });
  let asked = 0;
  const outbound = createOutbound({
    allow: ['rebinding.example'],
    resolve: async () => (asked++ === 0 ? ['127.0.0.1'] : ['169.254.169.254']),
  });
  const calling = get(outbound, `http://rebinding.example:${server.port}/`, { maxRedirects: 5 });
  expect(await reasonOf(calling)).toBe('address_refused');
  expect(connections).toBe(1);
});

test('each redirect is checked anew', async () => {
  const locations: [location: string, reason: string][] = [
    ['https://127.0.0.1/', 'address_refused'],
    ['https://[::ffff:127.0.0.1]/', 'bad_url'],
    ['https://0x7f.1/', 'bad_url'],
    ['http://169.254.169.254/latest/meta-data/', 'http_refused'],
    ['file:///etc/passwd', 'bad_url'],
    ['ftp://localhost/', 'bad_url'],
    ['https://a:b@localhost/', 'bad_url'],
  ];
  let location = '';
  await using server = await openRawServer((socket) => socket.end(redirectTo(location)));
  for (const [to, reason] of locations) {
    location = to;
    expect([to, await reasonOf(get(local, server.url, { maxRedirects: 3 }))]).toEqual([to, reason]);
  }
});

test('from https nothing leads to http, even where http is allowed', async () => {
  await using plain = await openRawServer((socket) => socket.end(answerOf('')));
  await using server = await openTlsServer(['issuer.test'], () => Response.redirect(plain.url, 302));
  const outbound = createOutbound({ allow: ['issuer.test', 'localhost'], ca: [server.authority], resolve: here });
  const calling = get(outbound, `https://issuer.test:${server.port}/`, { maxRedirects: 3 });
  expect(await reasonOf(calling)).toBe('redirect_refused');
});

test('redirects are followed as often as the caller says, and not in circles', async () => {
  let requests = 0;
  await using server = await openRawServer((socket, request) => {
    requests++;
    const at = Number(/^GET \/([0-9]+)/.exec(request)?.[1]);
    socket.end(at === 0 ? answerOf('there') : redirectTo(Number.isNaN(at) ? '/circle' : `/${at - 1}`));
  });
  const found = await get(local, `${server.url}3`, { maxRedirects: 3 });
  expect([Buffer.from(found.bytes).toString(), found.url]).toEqual(['there', `${server.url}0`]);
  expect(await reasonOf(get(local, `${server.url}3`, { maxRedirects: 2 }))).toBe('too_many_redirects');
  expect(await reasonOf(get(local, `${server.url}1`))).toBe('too_many_redirects');
  requests = 0;
  expect(await reasonOf(get(local, `${server.url}circle`, { maxRedirects: 4 }))).toBe('too_many_redirects');
  expect(requests).toBe(5);
});

test('a POST is not sent to where it was not meant', async () => {
  await using server = await openRawServer((socket) => socket.end(redirectTo('/other', 307)));
  const calling = get(local, server.url, { method: 'POST', body: 'secret', maxRedirects: 3 });
  expect(await reasonOf(calling)).toBe('redirect_refused');
});

test('lesson 58: credentials stay with the origin that they were meant for', async () => {
  const seen: string[] = [];
  await using other = await openRawServer((socket, request) => {
    seen.push(request.toLowerCase());
    socket.end(answerOf(''));
  });
  await using server = await openRawServer((socket, request) => {
    seen.push(request.toLowerCase());
    socket.end(redirectTo(request.startsWith('GET /same') ? '/same-origin' : other.url));
  });
  const headers = { Authorization: 'Bearer secret', 'X-Api-Key': 'secret' };
  await get(local, server.url, { headers, maxRedirects: 1 });
  expect(seen.map((request) => request.includes('secret'))).toEqual([true, false]);
  seen.length = 0;
  await reasonOf(get(local, `${server.url}same`, { headers, maxRedirects: 1 }));
  expect(seen.map((request) => request.includes('secret'))).toEqual([true, true]);
});

test('a certificate of a configured authority that names the host is accepted, whatever the address', async () => {
  await using server = await openTlsServer(['issuer.test'], (request) => new Response(request.headers.get('host')));
  const outbound = createOutbound({ allow: ['127.0.0.0/8'], ca: [server.authority], resolve: here });
  const answer = await get(outbound, `https://issuer.test:${server.port}/`);
  expect(Buffer.from(answer.bytes).toString()).toBe(`issuer.test:${server.port}`);
  expect((await get(outbound, `https://127.0.0.1:${server.port}/`)).status).toBe(200);
});

test('a certificate for another name, or of an authority that nobody trusts, is refused', async () => {
  await using server = await openTlsServer(['issuer.test'], () => new Response('secret'));
  const options = { allow: ['127.0.0.0/8'], resolve: here };
  const trusting = createOutbound({ ...options, ca: [server.authority] });
  for (const host of ['other.test', 'sub.issuer.test']) {
    expect(await reasonOf(get(trusting, `https://${host}:${server.port}/`))).toBe('tls_refused');
  }
  expect(await reasonOf(get(createOutbound(options), `https://issuer.test:${server.port}/`))).toBe('tls_refused');
  await using plain = await openRawServer((socket) => socket.end(answerOf('')));
  const call = get(trusting, `https://issuer.test:${plain.port}/`);
  expect(await reasonOf(call)).toBe('tls_refused');
  await expect(call).rejects.toThrow('does not speak TLS there');
});

test('the next address is tried where one does not accept a connection', async () => {
  await using server = await openRawServer((socket) => socket.end(answerOf('second')));
  const outbound = createOutbound({ allow: ['two.test'], resolve: async () => ['127.0.0.2', '127.0.0.1'] });
  const answer = await get(outbound, `http://two.test:${server.port}/`);
  expect(Buffer.from(answer.bytes).toString()).toBe('second');
});

test('names without an address, and servers that are not there', async () => {
  const nowhere = createOutbound({ allow: ['gone.test'], resolve: async () => [] });
  expect(await reasonOf(get(nowhere, 'http://gone.test/'))).toBe('not_resolved');
  const failing = createOutbound({ allow: ['gone.test'], resolve: () => Promise.reject(new Error('SERVFAIL')) });
  expect(await reasonOf(get(failing, 'http://gone.test/'))).toBe('not_resolved');
  const server = await openRawServer(() => {});
  await server[Symbol.asyncDispose]();
  expect(await reasonOf(get(local, server.url))).toBe('unreachable');
});

test.each<[what: string, reason: string, act: Parameters<typeof openRawServer>[0]]>([
  ['that says nothing', 'timed_out', () => {}],
  ['that drips headers', 'timed_out', (socket) => drip(socket, 'HTTP/1.1 200 OK\r\n', 'x')],
  [
    'that drips its body',
    'timed_out',
    (socket) => drip(socket, 'HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n', 'z'),
  ],
  ['that drips early hints', 'timed_out', (socket) => drip(socket, '', 'HTTP/1.1 103 Early Hints\r\n\r\n')],
])('a server %s is given up when the time is over', async (_, reason, act) => {
  await using server = await openRawServer(act);
  expect(await reasonOf(get(local, server.url, { timeoutMs: 400 }))).toBe(reason);
  for (const until = Date.now() + 45_000; server.connections() > 0 && Date.now() < until;) await Bun.sleep(5);
  expect(server.connections()).toBe(0);
});

test('a look-up that never ends is given up, too', async () => {
  const stuck = createOutbound({ allow: [], resolve: () => Promise.withResolvers<string[]>().promise });
  expect(await reasonOf(get(stuck, 'https://stuck.example/', { timeoutMs: 50 }))).toBe('timed_out');
});

test.each<[what: string, reason: string, act: Parameters<typeof openRawServer>[0]]>([
  ['a long body that says so', 'too_large', (socket) => socket.end(answerOf('x'.repeat(5000)))],
  ['a body without end', 'too_large', (socket) => flood(socket, 'HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(1000))],
  ['headers without end', 'too_large', (socket) => flood(socket, 'HTTP/1.1 200 OK\r\n', `a: ${'b'.repeat(100)}\r\n`)],
  ['a bomb', 'too_large', (socket) => socket.end(packed(gzipSync(Buffer.alloc(3_000_000))))],
  ['broken packing', 'bad_answer', (socket) => socket.end(packed(Buffer.from('not gzip')))],
  ['an unknown packing', 'bad_answer', (socket) => socket.end(answerOf('x', 'content-encoding: zip'))],
  ['something else than HTTP', 'bad_answer', (socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n')],
  ['two lengths', 'bad_answer', (socket) => socket.end(answerOf('x', 'transfer-encoding: chunked'))],
  ['half a body', 'unreachable', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc')],
  ['nothing', 'unreachable', (socket) => socket.end()],
])('%s: %s', async (_, reason, act) => {
  await using server = await openRawServer(act);
  expect(await reasonOf(get(local, server.url, { maxBytes: 4000 }))).toBe(reason);
});

test('what was packed although nobody asked for it is unpacked', async () => {
  await using server = await openRawServer((socket) => socket.end(packed(gzipSync('hello'))));
  expect(Buffer.from((await get(local, server.url)).bytes).toString()).toBe('hello');
});

test('so many at once, and the others wait or are told', async () => {
  let open = 0;
  const goOn = Promise.withResolvers<void>();
  await using server = await openRawServer((socket) => {
    open++;
    void goOn.promise.then(() => socket.end(answerOf('')));
  });
  const calls = Array.from({ length: 40 }, () => get(local, server.url));
  for (const until = Date.now() + 45_000; open < 32 && Date.now() < until;) await Bun.sleep(5);
  expect(await reasonOf(get(local, server.url, { timeoutMs: 30 }))).toBe('busy');
  expect(open).toBe(32);
  goOn.resolve();
  expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(calls.map(() => 200));
});

test('what fails says nothing of addresses to the caller, and all to the log', async () => {
  const outbound = createOutbound({ allow: [], resolve: async () => ['10.9.8.7'] });
  const error = await get(outbound, 'https://inside.example/').catch((thrown: OutboundError) => thrown);
  expect((error as OutboundError).message).not.toContain('10.9.8.7');
  expect(((error as OutboundError).cause as Error).message).toBe('10.9.8.7 is private');
});

function packed(bytes: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

type Socket = Parameters<Parameters<typeof openRawServer>[0]>[0];

function drip(socket: Socket, first: string, then: string): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(then), 20);
  socket.on('close', () => clearInterval(timer));
}

function flood(socket: Socket, first: string, then: string): void {
  socket.write(first);
  const write = () => {
    while (!socket.destroyed && socket.write(then.repeat(20)));
  };
  socket.on('drain', write);
  write();
}

test('a redirect is an answer where the protocol means something else by it, and is not followed', async () => {
  let calls = 0;
  await using server = await openRawServer((socket) => (calls++, socket.end(redirectTo('http://elsewhere.example/'))));
  const answer = await get(local, server.url, { keepsRedirects: true });
  expect([answer.status, answer.headers.get('location'), calls]).toEqual([302, 'http://elsewhere.example/', 1]);
  expect((await get(local, server.url, { method: 'POST', body: 'x', keepsRedirects: true })).status).toBe(302);
});
