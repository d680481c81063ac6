import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { openCommands } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(() => rig[Symbol.asyncDispose]());

const printed = async (...words: string[]) => {
  const { code, out, error } = await rig.run(words);
  expect([code, error]).toEqual([0, '']);
  return out;
};

describe('tiers', () => {
  test('are listed with what one looks at first', async () => {
    expect(await printed('tier', 'list', '-o', 'tsv')).toBe(
      'Basic\t0\ttrue\tfalse\t43980465111040\t100\t10000\t2000\n' +
        'Standard\t0\ttrue\tfalse\t43980465111040\t500\t10000\t2000\n' +
        'Premium\t1\ttrue\tfalse\t109951162777600\t50000\tnone\tnone\n' +
        'acr-premium\t0\ttrue\tfalse\t109951162777600\t50000\t20000\t4000\n',
    );
  });

  test('are edited in what is said alone, and reset', async () => {
    const set = ['limits.maxStorage=10GiB', 'features.anonymousPull=true', 'rates.dataplaneWrite.identity=none'];
    await rig.ok('tier', 'update', '-n', 'Basic', '--set', ...set, '--description', 'ours');
    const seen = '[description, limits.maxStorage, limits.tokens, features.anonymousPull, rates.dataplaneWrite]';
    expect(JSON.parse(await printed('tier', 'show', '-n', 'Basic', '--query', seen))).toEqual([
      'ours',
      10 * 1024 ** 3,
      100,
      true,
      { registry: 2000, identity: -1 },
    ]);
    await rig.ok('tier', 'reset', '-n', 'Basic', '--yes');
    expect(await printed('tier', 'show', '-n', 'Basic', '--query', '[modified, limits.maxStorage]', '-o', 'tsv')).toBe(
      'false\n43980465111040\n',
    );
  });

  test('have sizes in tables as people read them, and numbers elsewhere', async () => {
    const rows = (await printed('tier', 'list', '-o', 'table')).split('\n').map((row) => row.split(/ {2,}/));
    expect(rows.map((row) => row[4])).toEqual([
      'MaxStorage',
      '----------',
      '40.0 TiB',
      '40.0 TiB',
      '100.0 TiB',
      '100.0 TiB',
      undefined,
    ]);
  });

  test.each([
    ['limits.token=3', /"limits.token=3" is no setting; of limits there are limits\.includedStorage, /],
    ['rates.dataplaneRead=3', /of rates there are .*rates\.dataplaneRead\.registry, rates\.dataplaneRead\.identity/],
    ['features.x.y=true', /of features there are features\.anonymousPull, /],
    ['tokens=3', /write limits\.NAME=VALUE, features\.NAME=VALUE or rates\.NAME=VALUE/],
  ])('are not given %s, which no tier has', async (setting, message) => {
    expect(await rig.refused('tier', 'update', '-n', 'Basic', '--set', setting)).toEqual([
      2,
      expect.stringMatching(message),
    ]);
  });

  test('are created as another one is, once, and deleted', async () => {
    await rig.ok('tier', 'create', '--name', 'Team', '--from', 'Standard', '--set', 'limits.tokens=9');
    expect(
      await printed('tier', 'show', '-n', 'Team', '--query', '[limits.tokens, limits.scopeMaps]', '-o', 'tsv'),
    ).toBe('9\n500\n');
    const [code, error] = await rig.refused('tier', 'create', '--name', 'Team');
    expect([code, error.includes('exists already')]).toEqual([1, true]);
    expect((await rig.refused('tier', 'reset', '-n', 'Team', '--yes'))[1]).toContain('bonded tier delete deletes it');
    await rig.ok('tier', 'delete', '-n', 'Team', '--yes');
  });

  test.each([
    ['tokens=9', 'is no setting'],
    ['limits.tokens', 'is no setting'],
    ['limits.__proto__.x=1', 'is no setting'],
    ['limits.tokens=many', 'is no value'],
  ])('have no setting %s', async (setting, message) => {
    const [code, error] = await rig.refused('tier', 'update', '-n', 'Basic', '--set', setting);
    expect([code, error.includes(message)]).toEqual([2, true]);
  });
});

describe('a registry', () => {
  test('is checked for another tier, and shows what it uses', async () => {
    await rig.ok('acr', 'update', '-n', 'default', '--anonymous-pull-repositories', 'samples/*');
    const checked = (await rig.ok('tier', 'check', '--sku', 'Basic')) as { allowed: boolean; blocks: unknown[] };
    expect([checked.allowed, checked.blocks.length]).toEqual([false, 1]);
    const report = await printed('tier', 'check', '--sku', 'Standard', '-o', 'table');
    expect(report).toStartWith('Premium can be changed to Standard.\nSlower:\n');
    expect(report).toContain('  features.privateEndpoints: yes -> no\n');
    expect(await printed('acr', 'show-usage', '--query', "[?name=='ScopeMaps'].limit", '-o', 'tsv')).toBe('50000\n');
  });
});
