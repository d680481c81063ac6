import { expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createOutbound } from '../../outbound/index.ts';
import {
  type AdapterBehaviour,
  adapterError,
  harborConfig,
  metadata,
  notReady,
  openAdapter,
  reportOf,
  reportType,
  vulnerability,
} from './adapter.double.ts';
import type { HarborConfig } from './config.ts';
import type { EngineError, EngineImage } from './engine.ts';
import { createHarborEngine, pauseOf } from './harbor.ts';
import { readHarborReport } from './harbor-report.ts';

const digest = `sha256:${'a'.repeat(64)}` as const;
const image: EngineImage = {
  digest,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  bytes: new Uint8Array(),
  place: { registryId: 1, repositoryId: 2, repository: 'team/app' },
};

/** What an adapter of this behaviour makes of an image. */
async function scan(behaviour: AdapterBehaviour, config: Partial<HarborConfig> = {}, of = image) {
  await using adapter = openAdapter(behaviour);
  const engine = createHarborEngine(harborConfig(adapter.url, config), {
    outbound: createOutbound({ allow: ['localhost'] }),
    now: Date.now,
    accessTo: ({ place }, name, lastsMs) => ({
      url: 'https://registry.example.com',
      token: `${name} ${place.repository} ${lastsMs}`,
    }),
  });
  const report = await engine.scan(of, AbortSignal.timeout(config.timeout ?? 60_000));
  return { report, calls: adapter.calls };
}

const failureOf = (behaviour: AdapterBehaviour, config: Partial<HarborConfig> = {}, of = image): Promise<EngineError> =>
  scan(behaviour, config, of).then(
    () => Promise.reject(new Error('it has a report')),
    (error: EngineError) => error,
  );

test('an image is handed in with a token of its own, asked for until there is a report, and the report is read', async () => {
  const { report, calls } = await scan({});
  expect(report).toEqual({
    scanner: { name: 'Double', version: '1.2.3', databaseAt: Date.UTC(2026, 0, 2, 3, 4, 5) },
    isCut: false,
    findings: [
      {
        id: 'CVE-2026-1000',
        package: 'left-pad',
        version: '1.0.0',
        severity: 'High',
        severitySource: 'adapter',
        fixState: 'fixed',
        fixedVersion: '1.1.0',
        cvss: [{ source: 'adapter', vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H', score: 7.5 }],
        summary: 'It pads too much.',
        references: ['https://example.com/CVE-2026-1000'],
      },
    ],
  });
  const [about, handed, first, second] = calls;
  expect(about).toMatchObject({ method: 'GET', path: '/api/v1/metadata' });
  expect(about!.headers.get('accept')).toContain('application/vnd.scanner.adapter.metadata+json; version=1.1');
  expect(handed!.headers.get('content-type')).toBe('application/vnd.scanner.adapter.scan.request+json; version=1.1');
  expect(handed!.headers.get('authorization')).toBeNull();
  expect(JSON.parse(handed!.body)).toEqual({
    registry: { url: 'https://registry.example.com', authorization: 'Bearer adapter team/app 120000' },
    artifact: { repository: 'team/app', digest, mime_type: image.mediaType },
    enabled_capabilities: [{ type: 'vulnerability', produces_mime_types: [reportType] }],
  });
  for (const asked of [first, second]) {
    expect(asked).toMatchObject({ method: 'GET', path: '/api/v1/scan/scan-1/report' });
    expect(asked!.headers.get('accept')).toBe(reportType);
  }
});

test('an adapter of version 1.0, without types of capabilities, is asked as that has it', async () => {
  const old = 'application/vnd.scanner.adapter.vuln.report.harbor+json;version=1.0';
  const capabilities = [{ consumes_mime_types: [image.mediaType], produces_mime_types: [old] }];
  const { calls, report } = await scan({
    metadata: () => Response.json({ ...metadata, capabilities, properties: {} }),
  });
  expect(JSON.parse(calls[1]!.body).enabled_capabilities).toBeUndefined();
  expect(calls[1]!.headers.get('content-type')).toEndWith('version=1.0');
  expect(calls[2]!.headers.get('accept')).toBe('application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0');
  expect(report.scanner.databaseAt).toBeUndefined();
});

test('credentials come from a file that is read each time, and go to the adapter alone', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-adapter-'));
  const file = join(directory, 'secret');
  await writeFile(file, 's3cret\n');
  const sent = async (auth: HarborConfig['auth']) => (await scan({}, { auth })).calls.map(({ headers }) => headers);
  for (const headers of await sent({ kind: 'basic', username: 'me', file }))
    expect(headers.get('authorization')).toBe(`Basic ${Buffer.from('me:s3cret').toString('base64')}`);
  for (const headers of await sent({ kind: 'bearer', file }))
    expect(headers.get('authorization')).toBe('Bearer s3cret');
  for (const headers of await sent({ kind: 'apiKey', file })) {
    expect(headers.get('x-scanneradapter-api-key')).toBe('s3cret');
    expect(headers.get('authorization')).toBeNull();
  }
  await writeFile(file, 'two\nlines');
  expect((await failureOf({}, { auth: { kind: 'bearer', file } })).message).toContain('holds none');
  await rm(directory, { recursive: true });
  const { message } = await failureOf({}, { auth: { kind: 'bearer', file } });
  expect(message).toContain('cannot be read');
  expect(message).not.toContain(directory);
});

test('what an adapter does not scan is said to be so, once and for all', async () => {
  const capabilities = [{ type: 'sbom', consumes_mime_types: [image.mediaType], produces_mime_types: [] }];
  expect((await failureOf({ metadata: () => Response.json({ ...metadata, capabilities }) })).message).toContain(
    'no report',
  );
  const other = await failureOf({}, {}, { ...image, mediaType: 'application/vnd.other+json' });
  expect(other).toMatchObject({ isFinal: true, message: 'the adapter does not scan application/vnd.other+json' });
  for (const status of [422, 501]) {
    const error = await failureOf({ scan: () => adapterError(status, 'I do not\u001B[31m know\nit') });
    expect(error).toMatchObject({
      isFinal: true,
      message: `the adapter does not scan this image (${status}: I do not [31m know it)`,
    });
  }
});

test('an error at any of the three calls is one that another attempt may not have', async () => {
  const no = () => adapterError(500, 'no');
  for (const [behaviour, says] of [
    [{ metadata: no }, 'says nothing of itself (500: no)'],
    [{ scan: no }, 'takes no scan (500: no)'],
    [{ scan: () => adapterError(400, 'no') }, 'takes no scan (400: no)'],
    [{ report: no }, 'has no report (500: no)'],
    [{ report: () => adapterError(404, 'gone') }, 'has lost its scan (404: gone)'],
    [{ scan: () => Response.json({ id: '../../v2' }, { status: 202 }) }, 'gives its scan no id'],
    [{ scan: () => Response.json({ id: '..' }, { status: 202 }) }, 'gives its scan no id'],
    [{ scan: () => Response.json({}, { status: 202 }) }, 'gives its scan no id'],
    [{ scan: () => new Response('<html>', { status: 202 }) }, 'gives its scan no id'],
  ] as [AdapterBehaviour, string][]) {
    expect(await failureOf(behaviour)).toMatchObject({
      name: 'EngineError',
      isFinal: false,
      message: expect.stringContaining(says),
    });
  }
});

test('a redirect to somewhere else is not followed: it means no more than that there is no report yet', async () => {
  let reached = 0;
  await using other = openAdapter({ metadata: () => (reached++, Response.json({})) });
  const { report } = await scan({
    report: (_, asked) => (asked === 0 ? notReady(`${other.url}/api/v1/metadata`) : undefined!),
  });
  expect(report.findings).toHaveLength(1);
  expect(reached).toBe(0);
  expect(await failureOf({ metadata: () => notReady(`${other.url}/api/v1/metadata`) })).toMatchObject({
    isFinal: false,
  });
});

test('an adapter that never has a report is left when the time is over', async () => {
  const begun = Date.now();
  const error = await failureOf({ report: (_, __, { path }) => notReady(path) }, { timeout: 1500 });
  expect(error.name).toBe('TimeoutError');
  expect(Date.now() - begun).toBeLessThan(30_000);
});

test('an adapter that never answers is left when the time is over', async () => {
  const error = await failureOf({ scan: () => new Promise<Response>(() => {}) }, { timeout: 1000 });
  expect(['EngineError', 'TimeoutError']).toContain(error.name);
});

test('pauses are what the adapter says, within bounds', () => {
  expect(pauseOf(null)).toBe(5000);
  expect(pauseOf('15')).toBe(15_000);
  expect(pauseOf('0')).toBe(1000);
  expect(pauseOf('86400')).toBe(60_000);
  expect(pauseOf('Sat, 28 Nov 2026 00:00:00 GMT')).toBe(5000);
  expect(pauseOf('-1')).toBe(5000);
});

test('a report that is too long, cut off, of another shape or of another image is none', async () => {
  const large = reportOf(digest, [vulnerability({ description: 'x'.repeat(2 * 1024 * 1024) })]);
  const shapes: [unknown, string][] = [
    [JSON.stringify(large), 'longer than'],
    [JSON.stringify(reportOf(digest)).slice(0, -5), 'is no JSON'],
    ['[]', 'no JSON object'],
    ['null', 'no JSON object'],
    [JSON.stringify({ vulnerabilities: 'none' }), 'no list'],
    [JSON.stringify(reportOf(`sha256:${'b'.repeat(64)}`)), 'another image'],
  ];
  for (const [body, says] of shapes) {
    const { message } = await failureOf({ report: () => new Response(body as string) });
    expect(message).toContain(says);
  }
});

test('entries of a report that are no findings are left out, and text of others does nothing to a terminal', async () => {
  const odd = [
    null,
    7,
    [],
    {},
    vulnerability({ id: 5 }),
    vulnerability({ id: 'CVE-2026-1\u001B[2J' }),
    vulnerability({ package: '' }),
    vulnerability({
      id: 'CVE-2026-2000',
      severity: 'Negligible',
      fix_version: 7,
      description: 'a\u001B[2J\r\nb\u202Ec',
      links: ['javascript:alert(1)', 'https://example.com/a b', 5, 'https://example.com/fine'],
      preferred_cvss: { score_v3: 1e9, score_v2: 'x' },
    }),
    vulnerability({ id: 'CVE-2026-3000', severity: 'apocalyptic', fix_version: '' }),
  ];
  const { report } = await scan({ report: () => Response.json(reportOf(digest, odd)) });
  expect(report.findings).toMatchObject([
    {
      id: 'CVE-2026-2000',
      severity: 'Negligible',
      fixState: 'unknown',
      summary: 'a [2J b c',
      references: ['https://example.com/fine'],
      cvss: [],
    },
    { id: 'CVE-2026-3000', severity: 'Unknown', fixState: 'unknown' },
  ]);
});

test('an adapter that does not answer keeps nobody waiting who stops', async () => {
  const silent = Promise.withResolvers<Response>();
  await using adapter = openAdapter({ metadata: () => silent.promise });
  const engine = createHarborEngine(harborConfig(adapter.url), {
    outbound: createOutbound({ allow: ['localhost'] }),
    now: Date.now,
    accessTo: () => ({ url: 'https://registry.example.com', token: 'x' }),
  });
  const stop = new AbortController();
  const scanning = engine.scan(image, stop.signal).catch((error: unknown) => error);
  while (adapter.calls.length === 0) await Bun.sleep(5);
  stop.abort(new Error('it stops'));
  const late = Bun.sleep(30_000).then(() => 'after half a minute it still waits');
  expect(await Promise.race([scanning, late])).toMatchObject({ message: 'it stops' });
  silent.resolve(Response.json({}));
});

test('more findings than are kept are counted as such', async () => {
  const many = Array.from({ length: 20_001 }, (_, at) => vulnerability({ id: `CVE-2026-${10_000 + at}` }));
  const context = { digest, engine: 'adapter', scanner: { name: 'x', version: '1' } };
  const report = await readHarborReport(JSON.stringify(reportOf(digest, many)), context);
  expect(report).toMatchObject({ isCut: true });
  expect(report.findings).toHaveLength(20_000);
});

test('whatever is in a report, it is read to findings within bounds, or refused', async () => {
  const context = { digest, engine: 'adapter', scanner: { name: 'x', version: '1' } };
  const entry = fc.oneof(
    fc.record({
      id: fc.oneof(fc.constant('CVE-2026-1'), fc.jsonValue()),
      package: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
      version: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
      severity: fc.jsonValue(),
      links: fc.jsonValue(),
      description: fc.string({ unit: 'binary', maxLength: 2000 }),
      preferred_cvss: fc.jsonValue(),
    }),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.array(entry), fc.jsonValue()), async (vulnerabilities) => {
      try {
        const { findings } = await readHarborReport(JSON.stringify({ vulnerabilities }), context);
        for (const finding of findings) {
          expect(finding.summary.length).toBeLessThanOrEqual(500);
          expect(finding.package.length).toBeWithin(1, 301);
          expect(JSON.stringify(finding)).not.toMatch(/\\u00[01]|\\[nrt]/);
        }
      } catch (error) {
        expect((error as Error).name).toBe('EngineError');
      }
    }),
  );
});
