import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { archiveOf } from '../src/inventory/archive.double.ts';
import { startAdvisoryMirror } from './support/advisory-mirror.ts';
import { writeOciLayout } from './support/oci-layout.ts';
import { startTestProcess } from './support/server.ts';
import { testdata } from './support/testdata.ts';

const readme = await Bun.file(join(import.meta.dir, '..', 'README.md')).text();
const blocks = [...readme.matchAll(/^```sh tour( advisories)?\n([\s\S]*?)^```$/gm)].map(([, needs, script]) => ({
  needsAdvisories: needs !== undefined,
  script: script!,
}));

const [configuration] = /(?<=^```yaml tour\n)[\s\S]*?(?=^```$)/m.exec(readme)!;

/** What a reader sees after each block of the tour. */
const expected: readonly (string | RegExp)[][] = [
  ['Logged in to', 'no password is on the disk'],
  ['"1.0"'],
  [],
  ['Login Succeeded', 'refused', 'Container Registry Repository Writer'],
  [],
  ['MANIFEST_UNKNOWN', 'MANIFEST_INVALID', '"requestId"', 'authentication required'],
  ['osv/Go', 'osv/PyPI'],
  ['complete', '"high": 1', /CVE-2023-46136 +High +werkzeug +2\.0\.0 +2\.3\.8/, /stdlib +1\.19\.8/],
  [/still sha256:/, 'denied', 'refused', 'CVE-2023-46136'],
  ['openvex', 'CVE-2023-46136', 'vulnerable_code_not_in_execute_path'],
  ['CVE-2023-46136', 'refused'],
  [],
  [/"osv\/PyPI",\s+1/, 'stable', 'refused'],
  ['"goods"', '"manifests": 1', '"web"'],
  [
    /\b3[0-9] 200\n +1[67][0-9] 429\b/,
    'RateLimit: "identity";r=0',
    'Retry-After: ',
    'TOOMANYREQUESTS',
    'Premium does',
    'refused',
  ],
  [
    'Standard can be changed to Premium',
    '"Premium"',
    '"Disabled"',
    'public network access of the registry goods is disabled',
  ],
  ['Pending', 'is not allowed access', 'Approved', 'by another way', '"schemaVersion":2'],
  ['in production', 'The operation is disallowed', 'PrivateEndpointConnections'],
  ['"tags":[]'],
  ['ok', 'bonded_http_requests_total'],
];

/** A package of Python as pip leaves it. */
const installed = (name: string, version: string) => ({
  name: `usr/lib/python3/dist-packages/${name}-${version}.dist-info/METADATA`,
  content: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
});

/** What is in the layer of each image of the tour. */
const images = {
  sound: () => [installed('click', '8.1.7')],
  vulnerable: () => [
    installed('Werkzeug', '2.0.0'),
    // Debian builds it with a version of Go that is out of date.
    { name: 'usr/bin/skopeo', mode: 0o755, content: readFileSync(Bun.which('skopeo')!) },
  ],
  patched: () => [installed('Werkzeug', '2.3.8')],
};

/** What the mirror has from the second time on. */
const newAdvisory = {
  schema_version: '1.7.5',
  id: 'PYSEC-2026-99999',
  modified: '2026-11-01T00:00:00Z',
  aliases: ['CVE-2026-99999'],
  summary: 'An advisory of a test',
  affected: [
    {
      package: { ecosystem: 'PyPI', name: 'werkzeug' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2.3.9' }] }],
    },
  ],
  severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
};

/** Exports of OSV. */
const exports = testdata('osv');

/** A kubectl of a cluster with one service account, whose token and keys the test has made. */
async function writeKubectl(directory: string): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'cluster', alg: 'RS256', use: 'sig' }];
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'RS256', kid: 'cluster' })
    .setIssuer('https://kubernetes.default.svc')
    .setSubject('system:serviceaccount:default:default')
    .setAudience('bonded')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
  const script = `#!/bin/sh\ncase "$1 $2" in\n"get --raw") echo '${JSON.stringify({ keys })}' ;;\n"create token") echo ${token} ;;\n*) exit 2 ;;\nesac\n`;
  await writeFile(join(directory, 'kubectl'), script, { mode: 0o755 });
}

test.skipIf(!Bun.which('skopeo') && !process.env['CI'])(
  'the tour of the README does what it says',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bonded-tour-'));
    try {
      const file = join(directory, 'office.yaml');
      await using mirror = exports === undefined ? undefined : startAdvisoryMirror(exports, newAdvisory);
      const more = mirror ? `advisories: { osv: '${mirror.url}' }\noutbound: { allow: [127.0.0.1] }\n` : '';
      await writeFile(file, configuration.replace('127.0.0.1:5001', '127.0.0.1:0') + more);
      await using server = await startTestProcess({
        settings: { 'scanning.parallel': 1 },
        environment: { BONDED_CONFIG: file },
      });
      const [, port] = /:([0-9]+)$/.exec(server.host)!;
      const [, office] = /"listeners":\["http:\/\/127\.0\.0\.1:([0-9]+)"\]/.exec(server.output())!;
      await writeOciLayout(join(directory, 'image'));
      for (const [name, files] of Object.entries(images))
        await writeOciLayout(join(directory, name), archiveOf(files()));
      const home = join(directory, 'home');
      const bin = join(home, '.local/bin');
      await mkdir(bin, { recursive: true });
      await writeKubectl(bin);
      const environment = {
        HOME: home,
        BONDED_DATA: server.data,
        BONDED_SERVER: server.host,
        PATH: [bin, join(import.meta.dir, '..', 'bin'), process.env['PATH']].join(':'),
      };
      expect(blocks).toHaveLength(expected.length);
      for (const [at, block] of blocks.entries()) {
        if (block.needsAdvisories && !mirror) continue;
        const script = block.script
          .replaceAll('127.0.0.1:5000', server.host)
          .replaceAll('.localhost:5000', `.localhost:${port}`)
          .replaceAll('.localhost:5001', `.localhost:${office}`);
        const run = Bun.spawn(['sh', '-euc', script], {
          cwd: directory,
          env: environment,
          stdout: 'pipe',
          stderr: 'pipe',
        });
        const output = (await new Response(run.stdout).text()) + (await new Response(run.stderr).text());
        expect({ code: await run.exited, output }).toMatchObject({ code: 0 });
        for (const text of expected[at]!) expect(output).toMatch(text);
      }
      expect(await Bun.file(join(directory, 'pulled', 'index.json')).exists()).toBe(true);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
  240_000,
);
