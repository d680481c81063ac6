import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import openApi from '../../docs/reference/openapi.json' with { type: 'json' };
import { fetch } from '../../test/http/fetch.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { basic, bearer } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import { recording } from '../catalog/statements.double.ts';
import { groupScope, resourceGroup, subscriptionId } from '../operations/index.ts';

/* Every request of the management API that the reference has, by those who may do nothing there. */

let server: WatchedApp;
let callers: Record<string, string | undefined>;
const asked: string[] = [];

beforeAll(async () => {
  server = await startWatchedApp();
  const { people, app } = server;
  const password = await managementOf(server.url).token('robot', ['repositories/*/content/read']);
  await people.identity('rightless');
  await people.assign('Container Registry Repository Contributor', await people.identity('pusher'), {}, groupScope);
  callers = {
    nobody: undefined,
    'an identity without rights': bearer(await people.jwt('rightless')),
    'who may push everywhere': bearer(await people.jwt('pusher')),
    'a token of the registry': basic('robot', password),
    'somebody without an identity': bearer(await people.jwt('stranger')),
  };
  const { db } = app.storage;
  const note = ({ text }: { text: string }) => void (/\bresources\b/.test(text) && asked.push(text));
  Object.assign(db, recording({ ...db }, note));
});
afterAll(() => server[Symbol.asyncDispose]());

const names: Record<string, string> = {
  subscriptionId,
  resourceGroupName: resourceGroup,
  registryName: 'default',
  tokenName: 'robot',
  scopeMapName: 'robot-map',
  trustedIssuerName: 'people',
  userAssignedIdentityName: 'rightless',
  federatedIdentityCredentialName: 'main',
  recommendationName: randomUUID(),
  roleAssignmentName: randomUUID(),
  roleDefinitionName: randomUUID(),
};
const versions: Record<string, string> = {
  'Microsoft.ManagedIdentity': '2023-01-31',
  'Microsoft.Authorization': '2022-04-01',
  'Microsoft.Advisor': '2025-01-01',
};

/** Each with the permission that it needs. */
const requests = Object.entries(openApi.paths).flatMap(([pattern, operations]) => {
  const scopes = pattern.startsWith('/{scope}') ? ['', groupScope, registry] : [''];
  const provider = /.*\/providers\/([A-Za-z.]+)/.exec(pattern)?.[1] ?? '';
  return scopes.flatMap((scope) => {
    const path = pattern.replace('/{scope}', scope).replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name]!);
    return Object.entries(operations as Record<string, { 'x-permission'?: string }>)
      .filter(([method]) => method !== 'parameters')
      .map(([method, { 'x-permission': permission }]) => ({
        method: method.toUpperCase(),
        path: `${path}?api-version=${versions[provider] ?? '2025-11-01'}`,
        permission,
      }));
  });
});

const kinds = ['nobody', 'an identity without rights', 'who may push everywhere', 'a token of the registry'];
test.each([...kinds, 'somebody without an identity'])('%s is refused each, before anything is read', async (who) => {
  expect(requests.length).toBeGreaterThan(60);
  const shown = callers[who];
  const send = async (method: string, path: string) => {
    const headers = { ...(shown !== undefined && { Authorization: shown }), 'Content-Type': 'application/json' };
    const body = method.startsWith('P') ? '{"properties":{}}' : undefined;
    const answer = await fetch(`${server.url}${path}`, { method, headers, body, anonymous: true });
    return { status: answer.status, text: await answer.text() };
  };
  await send('GET', requests[0]!.path);
  asked.length = 0;
  for (const { method, path, permission } of requests) {
    const { status, text } = await send(method, path);
    expect([method, path, status]).toEqual([method, path, shown === undefined ? 401 : 403]);
    if (shown !== undefined) expect(text).toContain(`perform action ${permission} over`);
  }
  expect(asked).toEqual([]);
});
