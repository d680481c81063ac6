import { describe, expect, test } from 'bun:test';
import { openCli } from '../../../test/support/cli.ts';
import { makeIssuer, managementOf, registry } from '../../../test/support/management.ts';
import { startTestApp } from '../../../test/support/server.ts';
import type { ExplainedAccess } from '../../registries/index.ts';

async function openRig() {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startTestApp());
  const bonded = stack.use(await openCli(server));
  const manage = managementOf(server.url);
  const owned = stack.move();
  return {
    url: server.url,
    bonded,
    manage,
    async explain(line: string): Promise<ExplainedAccess> {
      const ran = await bonded(`access explain ${line} -o json`);
      if (ran.code !== 0) throw new Error(ran.error);
      return ran.json() as ExplainedAccess;
    },
    /** Runs what an explanation suggests, as it stands there. */
    async follow({ suggestion }: ExplainedAccess): Promise<void> {
      const ran = await bonded(suggestion!.command);
      expect({ command: suggestion!.command, error: ran.error, code: ran.code }).toMatchObject({ error: '', code: 0 });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

describe('bonded access explain', () => {
  test('suggests a command that allows what was refused, and no more', async () => {
    await using rig = await openRig();
    await rig.manage.identity('cluster-a');
    const asked = '--assignee cluster-a --action pull --repository team/app';
    const refused = await rig.explain(asked);
    expect(refused).toMatchObject({ allowed: false, mode: 'AbacRepositoryPermissions', reasons: [] });
    expect(refused.message).toContain('no role assignment concerns it');
    expect(refused.suggestion?.roleName).toBe('Container Registry Repository Reader');
    await rig.follow(refused);

    const allowed = await rig.explain(asked);
    expect(allowed).toMatchObject({ allowed: true, reasons: [{ outcome: 'allows' }] });
    expect(allowed.by).toBe(allowed.reasons[0]!.assignment);
    expect(allowed.suggestion).toBeUndefined();
    const other = await rig.explain('--assignee cluster-a --action pull --repository team/other');
    expect(other).toMatchObject({ allowed: false, reasons: [{ outcome: 'condition-false' }] });
    const push = await rig.explain('--assignee cluster-a --action push --repository team/app');
    expect(push).toMatchObject({ allowed: false, reasons: [{ outcome: 'action-missing' }] });
  });

  test('says what keeps an identity from working beside its rights', async () => {
    await using rig = await openRig();
    const { manage } = rig;
    const principalId = await manage.identity('builder', 'disabled');
    await manage.assign('Container Registry Repository Reader', { principalId });
    const ask = () => rig.explain(`--assignee ${principalId} --action pull --repository a`);

    const disabled = await ask();
    expect(disabled).toMatchObject({ allowed: false, principal: { enabled: false }, reasons: [{ outcome: 'allows' }] });
    expect(disabled.message).toContain('is disabled');
    expect(disabled.by).toBeUndefined();
    await manage.identity('builder');
    expect((await ask()).notes).toEqual([expect.stringContaining('no federated credential')]);
    const { issuer, properties } = await makeIssuer();
    await manage.credential('builder', 'any', { issuer, subject: 'ci' });
    expect((await ask()).notes).toEqual([expect.stringContaining('no issuer of the federated credentials')]);
    await manage.trust('mine', properties);
    expect(await ask()).toMatchObject({ allowed: true, notes: [] });
  });

  test('says that the mode of the registry ignores a role', async () => {
    await using rig = await openRig();
    const principalId = await rig.manage.identity('old');
    await rig.manage.assign('AcrPull', { principalId });
    const ask = () => rig.explain('--assignee old --action pull --repository a');
    expect(await ask()).toMatchObject({ allowed: false, reasons: [{ outcome: 'other-mode', role: 'AcrPull' }] });
    await rig.manage.patch(registry, { roleAssignmentMode: 'LegacyRegistryPermissions' });
    expect(await ask()).toMatchObject({ allowed: true, mode: 'LegacyRegistryPermissions' });
    const push = await rig.explain('--assignee old --action push --repository a');
    expect(push.suggestion).toMatchObject({ roleName: 'AcrPush' });
    await rig.follow(push);
    expect(await rig.explain('--assignee old --action push --repository a')).toMatchObject({ allowed: true });
    expect(await rig.explain('--assignee old --action push --repository b')).toMatchObject({ allowed: false });
  });

  test('explains tokens by their scope map', async () => {
    await using rig = await openRig();
    await rig.manage.token('legacy', ['repositories/team/app/content/read']);
    expect(await rig.explain('--token legacy --action pull --repository team/app')).toMatchObject({
      allowed: true,
      by: 'grant',
    });
    const push = '--token legacy --action push --repository team/app';
    const refused = await rig.explain(push);
    expect(refused).toMatchObject({ allowed: false, reasons: [{ outcome: 'action-missing' }] });
    await rig.follow(refused);
    expect(await rig.explain(push)).toMatchObject({ allowed: true });
    await rig.manage.patch(`${registry}/tokens/legacy`, { status: 'disabled' });
    expect(await rig.explain(push)).toMatchObject({ allowed: false, principal: { enabled: false } });
  });

  test('explains the admin user and anonymous callers', async () => {
    await using rig = await openRig();
    const ask = (who: string) => rig.explain(`--${who} --action pull --repository a`);
    expect(await ask('admin')).toMatchObject({ allowed: false, notes: ['the admin user is disabled'] });
    expect(await ask('anonymous')).toMatchObject({ allowed: false, notes: ['anonymous pull is off'] });
    await rig.manage.patch(registry, { adminUserEnabled: true, anonymousPullRepositories: ['a'] });
    expect(await ask('admin')).toMatchObject({ allowed: true });
    expect(await ask('anonymous')).toMatchObject({ allowed: true });
  });

  test('explains groups and claims of an issuer', async () => {
    await using rig = await openRig();
    const { issuer, properties } = await makeIssuer();
    const asked = `--issuer ${issuer} --groups dev --action push --repository team/app`;
    expect((await rig.explain(asked)).notes).toEqual([
      `${issuer} is not trusted; bonded issuer list shows the issuers that are`,
    ]);
    await rig.manage.trust('mine', properties);
    await rig.follow(await rig.explain(asked));
    expect(await rig.explain(asked)).toMatchObject({ allowed: true, principal: { kind: 'federated' } });
    const claims = '--issuer mine --claims sub=somebody --action catalog';
    await rig.follow(await rig.explain(claims));
    expect(await rig.explain(claims)).toMatchObject({ allowed: true });
  });

  test('explains actions of the management API', async () => {
    await using rig = await openRig();
    const principalId = await rig.manage.identity('ops');
    const asked = '--assignee ops --action Microsoft.ContainerRegistry/registries/write';
    const refused = await rig.explain(asked);
    expect(refused).toMatchObject({ allowed: false, reasons: [], scope: registry });
    await rig.follow(refused);
    expect(await rig.explain(asked)).toMatchObject({ allowed: true });
    await rig.manage.assign('Contributor', { principalId });
    const role = await rig.explain('--assignee ops --action Microsoft.Authorization/roleAssignments/write');
    expect(role.reasons.map(({ outcome }) => outcome)).toContain('action-excluded');
  });

  test('prints a sentence, a table and the command for people', async () => {
    await using rig = await openRig();
    const principalId = await rig.manage.identity('builder');
    await rig.manage.assign('AcrPull', { principalId });
    const { out } = await rig.bonded('access explain --assignee builder --action pull --repository a -o table');
    expect(out).toStartWith('identity "builder" is refused content/read on a in "default"');
    expect(out).toMatch(/^other-mode +AcrPull/m);
    expect(out).toContain(
      'To allow it:\n' +
        "  bonded role assignment create --assignee builder --role 'Container Registry Repository Reader' " +
        '--registry default --repository a\n',
    );
  });

  test('what is not asked as it must be is refused with what to do', async () => {
    await using rig = await openRig();
    const run = async (line: string) => {
      const { code, error } = await rig.bonded(`access explain ${line}`);
      return [code, error] as const;
    };
    expect(await run('--action pull')).toEqual([2, expect.stringContaining('--assignee')]);
    expect(await run('--admin --anonymous --action pull')).toEqual([2, expect.stringContaining('give one of')]);
    expect(await run('--assignee nobody --action pull')).toEqual([3, expect.stringContaining('no identity nobody')]);
    expect(await run('--admin --action fly')).toEqual([1, expect.stringContaining('no action fly')]);
    expect(await run('--admin --action pull --repository A//b')).toEqual([1, expect.stringContaining('no name')]);
    const whom = { admin: true, tokenName: 'legacy' };
    await expect(rig.manage.post(`${registry}/explainAccess`, { ...whom, action: 'pull' })).rejects.toThrow(
      'must name one of',
    );
  });

  test('is for those who may read role assignments', async () => {
    await using rig = await openRig();
    const { manage } = rig;
    const { issuer, properties, token } = await makeIssuer();
    await manage.trust('mine', properties);
    const principalId = await manage.identity('reader');
    await manage.credential('reader', 'any', { issuer, subject: 'reader' });
    const ask = async () => {
      const authorization = `Bearer ${await token({ sub: 'reader' })}`;
      const body = JSON.stringify({ anonymous: true, action: 'pull' });
      const headers = { authorization, 'content-type': 'application/json' };
      return (
        await fetch(`${rig.url}${registry}/explainAccess?api-version=2025-11-01`, { method: 'POST', headers, body })
      ).status;
    };
    expect(await ask()).toBe(403);
    await manage.assign('Reader', { principalId });
    expect(await ask()).toBe(200);
  });
});
