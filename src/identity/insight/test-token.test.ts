import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { openCli } from '../../../test/support/cli.ts';
import { makeIssuer, managementOf, registry } from '../../../test/support/management.ts';
import { startTestApp, startTestProcess } from '../../../test/support/server.ts';
import { matchesPattern } from '../federation/index.ts';
import { compareCredential } from './compare-credential.ts';
import type { TokenReport } from './index.ts';

const runs = Number(process.env['BONDED_TEST_RUNS'] ?? 200);

async function openRig() {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startTestApp());
  const bonded = stack.use(await openCli(server));
  const issuer = await makeIssuer();
  const owned = stack.move();
  return {
    bonded,
    issuer,
    manage: managementOf(server.url),
    async report(token: string): Promise<TokenReport> {
      const ran = await bonded('issuer test --token-stdin -o json', `${token}\n`);
      if (ran.code !== 0) throw new Error(ran.error);
      return ran.json() as TokenReport;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const failedOf = ({ checks }: TokenReport) => checks.find(({ outcome }) => outcome === 'failed')?.check;

describe('bonded issuer test', () => {
  test('says which identity a token becomes, by which credential, and what it may do', async () => {
    await using rig = await openRig();
    const { manage, issuer } = rig;
    await manage.trust('mine', issuer.properties);
    const principalId = await manage.identity('builder');
    await manage.credential('builder', 'branch', {
      issuer: issuer.issuer,
      subject: 'repo:acme/app:ref:refs/heads/dev',
    });
    const main = { issuer: issuer.issuer, subject: 'repo:acme/*', claims: { environment: 'prod' } };
    await manage.credential('builder', 'main', main);
    const assignment = await manage.assign('Container Registry Repository Writer', { principalId });

    const claims = { sub: 'repo:acme/app:ref:refs/heads/main', environment: 'prod', groups: ['a', 'b'] };
    const report = await rig.report(await issuer.token(claims));
    expect(report).toMatchObject({
      accepted: true,
      verified: true,
      issuer: { name: 'mine', issuer: issuer.issuer, preset: 'oidc' },
      subject: claims.sub,
      groups: ['a', 'b'],
      principal: { kind: 'identity', id: principalId, name: 'builder', enabled: true },
      assignments: [{ id: assignment, role: 'Container Registry Repository Writer', scope: registry }],
      notes: [],
    });
    expect(report.checks.every(({ outcome }) => outcome === 'passed')).toBe(true);
    expect(report.claims).toContainEqual({ name: 'environment', value: 'prod' });
    const [branch, chosen] = report.credentials;
    expect(branch).toMatchObject({ matches: false, chosen: false });
    expect(branch!.message).toBe(`sub must be repo:acme/app:ref:refs/heads/dev; the token has ${claims.sub}`);
    expect(chosen).toMatchObject({ identity: 'builder', matches: true, chosen: true });
    const permissions = report.registries[0]!.permissions.map(({ permission, reach }) => `${permission} ${reach}`);
    expect(permissions.toSorted()).toEqual(
      ['content/read all', 'content/write all', 'metadata/read all', 'metadata/write all'].toSorted(),
    );
  });

  test('says who a token is that no credential fits, and who is disabled', async () => {
    await using rig = await openRig();
    const { manage, issuer } = rig;
    await manage.trust('mine', issuer.properties);
    expect(await rig.report(await issuer.token({ sub: 'somebody' }))).toMatchObject({
      accepted: true,
      principal: { kind: 'federated', id: `${issuer.issuer}#somebody` },
      notes: ['no role is assigned to it, so it may do nothing yet'],
    });
    await manage.identity('gone', 'disabled');
    await manage.credential('gone', 'any', { issuer: issuer.issuer, subject: 'somebody' });
    const disabled = await rig.report(await issuer.token({ sub: 'somebody' }));
    expect(disabled).toMatchObject({ principal: { name: 'gone', enabled: false }, assignments: [], registries: [] });
    expect(disabled.notes[0]).toContain('disabled');
  });

  test('says what a token fails at, and what it says without being believed', async () => {
    await using rig = await openRig();
    const { manage, issuer } = rig;
    const token = await issuer.token({ sub: 'somebody' });
    const unknown = await rig.report(token);
    expect(unknown).toMatchObject({ accepted: false, verified: false, reason: 'unknown_issuer' });
    expect(unknown.claims).toContainEqual({ name: 'sub', value: 'somebody' });
    expect(failedOf(unknown)).toBe('is of a trusted issuer');
    await manage.trust('mine', issuer.properties);
    expect(failedOf(await rig.report('not.a.token'))).toBe('can be read');
    const elsewhere = await rig.report(await issuer.token({ sub: 'somebody', aud: 'other' }));
    expect(elsewhere).toMatchObject({ reason: 'wrong_audience', notes: ['the audiences of mine are bonded'] });
    expect(failedOf(elsewhere)).toBe('has an audience of this server');
    const at = Math.floor(Date.now() / 1000);
    expect(failedOf(await rig.report(await issuer.token({ sub: 'a', iat: at - 7200, exp: at - 3600 })))).toBe(
      'is valid now',
    );
    const eternal = await rig.report(await issuer.token({ sub: 'a', exp: undefined }));
    expect([eternal.reason, failedOf(eternal)]).toEqual(['missing_claim', 'is valid now']);
    const nobodys = await rig.report(await issuer.token({ sub: 'a', iss: undefined }));
    expect([nobodys.reason, failedOf(nobodys)]).toEqual(['missing_claim', 'is of a trusted issuer']);
    const forged = await (await makeIssuer()).token({ sub: 'somebody' });
    const refused = await rig.report(forged);
    expect(failedOf(refused)).toBe('has a signature of its issuer');
    expect(refused.checks.at(-1)).toEqual({ check: 'says whose it is', outcome: 'not reached' });
    expect(failedOf(await rig.report(await issuer.token({})))).toBe('says whose it is');
  });

  test('what a token says cannot move a cursor, and its length is bounded', async () => {
    await using rig = await openRig();
    const { manage, issuer } = rig;
    await manage.trust('mine', issuer.properties);
    const token = await issuer.token({ sub: 'a', odd: '\u001b[31mred\nnext', long: 'x'.repeat(5000) });
    const { out } = await rig.bonded('issuer test --token-stdin -o table', token);
    expect(out).toStartWith('the token is a, to whom roles can be assigned');
    expect(out).not.toContain('\u001b');
    expect(out).not.toContain('x'.repeat(300));
    expect(out).not.toContain(token);
  });

  test('the log says that a token was tested, and nothing of it', async () => {
    await using server = await startTestProcess({ settings: { 'log.level': 'debug' } });
    await using bonded = await openCli(server);
    const issuer = await makeIssuer();
    await managementOf(server.url).trust('mine', issuer.properties);
    const token = await issuer.token({ sub: 'somebody-secret' });
    expect((await bonded('issuer test --token-stdin', token)).code).toBe(0);
    await server.end();
    expect(server.output()).toContain('Microsoft.Authorization/trustedIssuers/read');
    for (const part of ['somebody-secret', ...token.split('.')]) expect(server.output()).not.toContain(part);
  });

  test('needs a token, from where nobody else reads it', async () => {
    await using rig = await openRig();
    const run = async (line: string, stdin = '') => {
      const { code, error } = await rig.bonded(line, stdin);
      return [code, error] as const;
    };
    expect(await run('issuer test --token-stdin')).toEqual([2, expect.stringContaining('standard input is empty')]);
    expect(await run('issuer test --token-file /nowhere')).toEqual([2, expect.stringContaining('no /nowhere')]);
    expect((await run('issuer test --token-stdin', 'x'.repeat(17_000)))[0]).toBe(1);
    expect((await run('issuer test a.b.c'))[0]).toBe(2);
  });
});

test('what is compared piece by piece matches as a whole', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', ':'), minLength: 1, maxLength: 4 });
  const value = fc.string({ unit: fc.constantFrom('a', 'b', ':'), maxLength: 4 });
  const names = fc.constantFrom('sub', 'ref', 'env');
  const identity = { principalId: 'one', name: 'one', enabled: true };
  fc.assert(
    fc.property(
      fc.option(text, { nil: undefined }),
      fc.dictionary(names, text),
      fc.dictionary(names, fc.oneof(value, fc.array(value, { maxLength: 3 }))),
      (subject, claims, had) => {
        const credential = { id: 'one', identity, issuer: 'one', audiences: ['bonded'], subject, claims, mark: '' };
        const trusted = { audiences: ['bonded', 'third'] };
        const compared = compareCredential(credential, { ...had, aud: 'bonded' }, trusted);
        expect(compared.matches).toBe(matchesPattern(had, { subject, claims }));
        expect(compareCredential(credential, { ...had, aud: 'bonded' }, { audiences: ['third'] }).matches).toBe(false);
        expect(compareCredential(credential, { ...had, aud: 'third' }, trusted).matches).toBe(false);
      },
    ),
    { numRuns: runs },
  );
});
