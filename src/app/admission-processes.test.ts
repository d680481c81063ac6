import { expect, test } from 'bun:test';
import { pushImage } from '../../test/http/registry.ts';
import { connectToWorkers } from '../../test/http/worker-connections.ts';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { openPeopleBeside } from '../../test/support/open-people.ts';
import { basic, registryScope } from '../../test/support/people.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { type EvidenceFinding, writeEvidence } from '../admission/index.ts';
import { loadConfiguration } from '../configuration.ts';
import type { Digest } from '../oci/index.ts';
import { openAdmissionRig, openssl } from './admission-rig.double.ts';
import { openFacts } from './storage.ts';

test('what was written by another process a moment ago is there for what is asked of this one', async () => {
  await using rig = await openAdmissionRig();
  const { resources } = rig.app.access;
  for (let n = 0; n < 5; n++) {
    const policyName = `p${n}`;
    const properties = { repositories: ['*'], mode: 'enforce' };
    await resources.put(`${registryScope}/admissionPolicies/${policyName}`, { properties }, { by: 'another process' });
    expect(await rig.ask('simulate', { policyName, days: 1 })).toMatchObject({ pulled: 0 });
    const [scopeMapId, tokenId] = [`${registryScope}/scopeMaps/m${n}`, `${registryScope}/tokens/t${n}`];
    const actions = { actions: ['repositories/app/content/read'] };
    await resources.put(scopeMapId, { properties: actions }, { by: 'another process' });
    await resources.put(tokenId, { properties: { scopeMapId } }, { by: 'another process' });
    const made = await rig.management.post(`${registryScope}/generateCredentials`, { tokenId, name: 'password1' });
    expect(made).toMatchObject({ username: `t${n}` });
  }
});

test('stale allow: evidence, exceptions and policies act on images and their blobs in every process within 5 s, whoever has decided before', async () => {
  await using database = await freshDatabaseOptions();
  const url = database.kind === 'postgres' ? database.url : undefined;
  const given = url !== undefined && { database: url };
  await using server = await startTestProcess({ settings: { processes: 2 }, ...given });
  await using people = await openPeopleBeside({ data: server.data, database: url });
  const flags = { data: server.data, ...(url !== undefined && { 'database.url': url }) };
  await using facts = await openFacts(loadConfiguration({ environment: {}, flags }).value);
  const image = await pushImage(server.url, 'app', 'v1');
  await people.token('runtime', ['repositories/app/content/read']);
  const Authorization = basic('runtime', (await people.makePassword('runtime')).value);
  const workers = await connectToWorkers(Number(new URL(server.url).port), 2);

  async function become(status: number): Promise<number> {
    const begin = performance.now();
    for (;;) {
      const statuses: number[] = [];
      for (const worker of workers) {
        for (const path of ['manifests/v1', `blobs/${image.layerDigest}`]) {
          const answer = await worker.send('GET', `/v2/app/${path}`, { headers: { Authorization, Host: server.host } });
          statuses.push(answer.status);
        }
      }
      if (statuses.every((one) => one === status)) return performance.now() - begin;
      if (performance.now() - begin > 30_000) throw new Error(`after 30 s: ${statuses.join(' ')}, not ${status}`);
      await Bun.sleep(20);
    }
  }
  const scan = (findings: EvidenceFinding[]) =>
    writeEvidence(facts.db, 1, image.digest as Digest, {
      kind: 'scan',
      status: 'complete',
      scannedAt: Date.now(),
      advisoryRevision: 1,
      advisoriesAt: Date.now(),
      findings,
    });

  await become(200);
  const policy = `${registryScope}/admissionPolicies/all`;
  await people.put(policy, { repositories: ['*'], mode: 'enforce', severity: 'High', blobs: 'admitted' });
  const longest = [await become(403)];
  await scan([]);
  longest.push(await become(200));
  await scan([openssl()]);
  longest.push(await become(403));
  const exception = `${registryScope}/admissionExceptions/openssl`;
  const expiresOn = new Date(Date.now() + 3_600_000).toISOString();
  await people.put(exception, { vulnerability: 'CVE-2026-42767', repositories: ['app'], expiresOn });
  longest.push(await become(200));
  await people.remove(exception);
  longest.push(await become(403));
  await people.remove(policy);
  longest.push(await become(200));
  expect(Math.max(...longest)).toBeLessThan(5000);
  for (const worker of workers) worker[Symbol.dispose]();
}, 240_000);
