import 'reflect-metadata';
import { expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDevelopmentCertificate } from '../cli/development-certificate.ts';
import type { Seen } from './azure-client.double.ts';
import { startManagement } from './test-management.double.ts';

test('@azure/arm-containerregistry works against it over TLS', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-azure-'));
  try {
    const { authority, certificate, key } = await makeDevelopmentCertificate(directory, [], 1);
    await using rig = await startManagement({ tls: { certificate, key } });
    rig.release.resolve();
    const child = Bun.spawn([process.execPath, join(import.meta.dir, 'azure-client.double.ts'), rig.url], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: authority },
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const output = await new Response(child.stdout).text();
    expect(await child.exited).toBe(0);
    expect(JSON.parse(output) as Seen).toEqual({
      created: ['Registry', 'Succeeded', 'registry.example.com', 'Premium'],
      systemData: true,
      updated: [{ a: 'b' }, true],
      tokens: [130, 'token229'],
      token: 'disabled',
      gone: [404, 'ResourceNotFound'],
      credentials: { username: 'b', passwords: [{ name: 'password1', value: 'shown once' }] },
      free: false,
      copy: ['west', 'Succeeded'],
      copies: [],
      registries: [['Registry'], ['Registry']],
      refused: [400, 'InvalidResourceName', expect.any(String)],
      registriesAfter: [],
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
