import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, ociIndex, putManifest } from '../../test/http/registry.ts';
import { idOfRegistry, importInto } from '../importing/import-rig.double.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { startWatchedApp } from '../../test/support/watched-app.ts';

let server: Awaited<ReturnType<typeof startWatchedApp>>;
beforeAll(async () => {
  server = await startWatchedApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const index = (n: number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } });
const push = async (name: string, tag: string, n: number) =>
  (await putManifest(server.url, name, tag, index(n), ociIndex)).status;
/** Twice under one tag, with different content. */
const pushTwice = async (name: string, tag: string) => [await push(name, tag, 1), await push(name, tag, 2)];
const set = (properties: object) => managementOf(server.url).patch(registry, properties);
const wildcards = (...filters: string[]) => filters.map((filter) => ({ filterType: 'WILDCARD', filter }));
const off = { tagImmutability: null, repositoryPolicies: null };

describe('tag immutability', () => {
  test('of a registry: the second push is refused with what holds it, and what to do; the audit knows', async () => {
    await set({ ...off, tagImmutability: { mode: 'IMMUTABLE' } });
    expect(await push('app', 'v1', 1)).toBe(201);
    const since = server.audit().length;
    const refused = await putManifest(server.url, 'app', 'v1', index(2), ociIndex);
    const error = await errorOf(refused);
    expect([refused.status, error.code]).toEqual([409, 'DENIED']);
    expect(error.detail).toMatchObject({ tag: 'v1', digest: digestOf(index(1)), mode: 'IMMUTABLE' });
    expect(error.message).toContain('push under another tag');
    expect(server.audit(since)).toMatchObject([
      { action: 'push', outcome: 'denied', reason: 'tag_immutable', target: 'app', path: '/v2/app/manifests/v1' },
    ]);
    // The same again changes nothing; by digest it has no tag to move; deleted, the tag is free.
    expect(await push('app', 'v1', 1)).toBe(201);
    expect((await putManifest(server.url, 'app', digestOf(index(2)), index(2), ociIndex)).status).toBe(201);
    const tagged = `${digestOf(index(3))}?tag=v1&tag=v3`;
    expect((await putManifest(server.url, 'app', tagged, index(3), ociIndex)).status).toBe(409);
    expect((await fetch(`${server.url}/v2/app/manifests/v3`)).status).toBe(404);
    expect((await fetch(`${server.url}/v2/app/manifests/v1`, { method: 'DELETE' })).status).toBe(202);
    expect(await push('app', 'v1', 2)).toBe(201);
    const undeleted = await fetch(`${server.url}/acr/v1/app/_tags/v1/_undelete`, {
      method: 'POST',
      body: JSON.stringify({ digest: digestOf(index(1)), force: true }),
    });
    expect([undeleted.status, (await errorOf(undeleted)).code]).toEqual([409, 'DENIED']);
  });

  test('an undelete is in the audit as a push is', async () => {
    await set(off);
    expect(await pushTwice('back', 'v1')).toEqual([201, 201]);
    const since = server.audit().length;
    const path = '/acr/v1/back/_tags/v1/_undelete';
    const body = JSON.stringify({ force: true });
    expect((await fetch(`${server.url}${path}`, { method: 'POST', body })).status).toBe(200);
    expect(server.audit(since)).toMatchObject([{ action: 'undelete', outcome: 'allowed', target: 'back', path }]);
  });

  test('with exclusions, in both directions', async () => {
    await set({
      ...off,
      tagImmutability: { mode: 'IMMUTABLE_WITH_EXCLUSION', exclusionFilters: wildcards('latest', 'dev-*') },
    });
    expect(await pushTwice('one', 'dev-1')).toEqual([201, 201]);
    expect(await pushTwice('one', 'latest')).toEqual([201, 201]);
    expect(await pushTwice('one', 'v1')).toEqual([201, 409]);
    await set({
      ...off,
      tagImmutability: { mode: 'MUTABLE_WITH_EXCLUSION', exclusionFilters: wildcards('v*.*') },
    });
    expect(await pushTwice('two', 'v1.0')).toEqual([201, 409]);
    expect(await pushTwice('two', 'v1')).toEqual([201, 201]);
  });

  test('of repositories: what names one most exactly counts', async () => {
    await set({
      tagImmutability: { mode: 'IMMUTABLE', exclusionFilters: [] },
      repositoryPolicies: [
        { repository: 'team/*', tagImmutability: { mode: 'MUTABLE' } },
        { repository: 'team/strict/*', tagImmutability: { mode: 'IMMUTABLE' } },
        { repository: 'team/strict/free', tagImmutability: { mode: 'MUTABLE' } },
      ],
    });
    const outcomes: Record<string, number> = {};
    for (const name of ['other', 'team', 'team/app', 'team/strict/a/b', 'team/strict/free', 'teams/app'])
      outcomes[name] = (await pushTwice(name, 'v1'))[1]!;
    expect(outcomes).toEqual({
      other: 409,
      team: 409,
      'team/app': 201,
      'team/strict/a/b': 409,
      'team/strict/free': 201,
      'teams/app': 409,
    });
  });

  test('holds for an import as well, forced or not; the history says who imported', async () => {
    await set({ ...off, tagImmutability: { mode: 'IMMUTABLE' } });
    for (const n of [1, 2]) expect(await push('source', `v${n}`, n)).toBe(201);
    const order = (n: number, mode: string) => ({
      source: { resourceId: idOfRegistry('default'), sourceImage: `source:v${n}` },
      targetTags: ['imported:v1'],
      mode,
    });
    expect(await importInto(server, order(1, 'NoForce'))).toMatchObject({ status: 'Succeeded' });
    const forced = await importInto(server, order(2, 'Force'));
    expect(forced).toMatchObject({
      status: 'Failed',
      error: { message: expect.stringContaining('the tag v1 is immutable here') },
    });
    const history = await (await fetch(`${server.url}/acr/v1/imported/_tags/v1/_history`)).json();
    expect(history).toMatchObject({ history: [{ digest: digestOf(index(1)), by: { id: 'operator' } }] });
  });

  test.each([
    [{ mode: 'FROZEN' }],
    [{ mode: 'IMMUTABLE_WITH_EXCLUSION' }],
    [{ mode: 'MUTABLE_WITH_EXCLUSION', exclusionFilters: [] }],
    [{ mode: 'IMMUTABLE', exclusionFilters: wildcards('a') }],
    [{ mode: 'IMMUTABLE_WITH_EXCLUSION', exclusionFilters: wildcards('a', 'b', 'c', 'd', 'e', 'f') }],
    [{ mode: 'IMMUTABLE_WITH_EXCLUSION', exclusionFilters: wildcards('a*b*c*') }],
    [{ mode: 'IMMUTABLE_WITH_EXCLUSION', exclusionFilters: wildcards('') }],
    [{ mode: 'IMMUTABLE_WITH_EXCLUSION', exclusionFilters: wildcards('a/b') }],
    [{ mode: 'IMMUTABLE_WITH_EXCLUSION', exclusionFilters: wildcards('x'.repeat(129)) }],
    [{ mode: 'IMMUTABLE_WITH_EXCLUSION', exclusionFilters: [{ filterType: 'REGEX', filter: 'a' }] }],
  ])('%j is refused', async (tagImmutability) => {
    await set(off);
    await expect(set({ tagImmutability })).rejects.toThrow('400');
  });

  test('the same repository twice, or more than a hundred, is refused', async () => {
    const policies = (count: number, of: (n: number) => string) =>
      Array.from({ length: count }, (_, n) => ({ repository: of(n), tagImmutability: { mode: 'IMMUTABLE' } }));
    await expect(set({ repositoryPolicies: policies(2, () => 'app') })).rejects.toThrow('400');
    await expect(set({ repositoryPolicies: policies(101, (n) => `app${n}`) })).rejects.toThrow('400');
    await set({ repositoryPolicies: policies(100, (n) => `app${n}`) });
  });
});
