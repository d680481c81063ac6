import { expect, test } from 'bun:test';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { writeOciLayout } from './support/oci-layout.ts';
import { startTestProcess } from './support/server.ts';

const readme = await Bun.file(join(import.meta.dir, '..', 'README.md')).text();
const blocks = [...readme.matchAll(/^```sh tour\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);

const [configuration] = /(?<=^```yaml tour\n)[\s\S]*?(?=^```$)/m.exec(readme)!;

/** What a reader sees after each block of the tour. */
const expected: readonly (string | RegExp)[][] = [
  ['Logged in to', 'no password is on the disk'],
  ['"1.0"'],
  [],
  ['Login Succeeded', 'refused', 'Container Registry Repository Writer'],
  [],
  ['MANIFEST_UNKNOWN', 'MANIFEST_INVALID', '"requestId"', 'authentication required'],
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
      await writeFile(file, configuration.replace('127.0.0.1:5001', '127.0.0.1:0'));
      await using server = await startTestProcess({ environment: { BONDED_CONFIG: file } });
      const [, port] = /:([0-9]+)$/.exec(server.host)!;
      const [, office] = /"listeners":\["http:\/\/127\.0\.0\.1:([0-9]+)"\]/.exec(server.output())!;
      await writeOciLayout(join(directory, 'image'));
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
        const script = block
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
  120_000,
);
