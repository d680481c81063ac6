import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { makeKey } from '../../../identity/federation/test-issuer.double.ts';
import { openCommands } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(() => rig[Symbol.asyncDispose]());

const tenant = '00000000-1111-2222-3333-444444444444';

describe('a trusted issuer', () => {
  test.each<[string, string[], object]>([
    [
      'github',
      ['--owner', 'acme'],
      { issuer: 'https://token.actions.githubusercontent.com', audiences: ['https://github.com/acme'] },
    ],
    [
      'github',
      ['--host', 'git.example.com', '--audience', 'bonded'],
      { issuer: 'https://git.example.com/_services/token', audiences: ['bonded'] },
    ],
    [
      'entra',
      ['--tenant', tenant],
      { issuer: `https://sts.windows.net/${tenant}/`, audiences: ['https://containerregistry.azure.net'] },
    ],
    [
      'entra',
      ['--tenant', tenant, '--token-version', 'v2', '--audience', 'app'],
      { issuer: `https://login.microsoftonline.com/${tenant}/v2.0`, audiences: ['app'] },
    ],
    ['google', ['--audience', 'bonded'], { issuer: 'https://accounts.google.com', maxTokenLifetimeSeconds: 7200 }],
    ['gitlab', ['--audience', 'bonded'], { issuer: 'https://gitlab.com' }],
    ['gitlab', ['--audience', 'bonded', '--issuer', 'https://git.example.com'], { issuer: 'https://git.example.com' }],
    [
      'google',
      ['--audience', 'bonded', '--issuer', 'https://accounts.example.com'],
      { issuer: 'https://accounts.example.com' },
    ],
    [
      'kubernetes',
      [
        '--issuer',
        'https://k.example.com',
        '--audience',
        'a',
        'b',
        '--clock-skew',
        '5',
        '--max-token-lifetime',
        '3600',
        '--enabled',
        'false',
      ],
      { audiences: ['a', 'b'], clockSkewSeconds: 5, maxTokenLifetimeSeconds: 3600, enabled: false },
    ],
    [
      'oidc',
      [
        '--issuer',
        'https://i.example.com',
        '--audience',
        'a',
        '--jwks-uri',
        'https://i.example.com/k',
        '--groups-claim',
        'roles',
        '--subject-claim',
        'oid',
      ],
      { jwksUri: 'https://i.example.com/k', groupsClaim: 'roles', subjectClaim: 'oid' },
    ],
  ])('of the preset %s is made of %j', async (preset, words, wanted) => {
    const made = await rig.ok('issuer', 'create', '-n', 'made', '--preset', preset, ...words);
    expect(made).toMatchObject({ name: 'made', preset, ...wanted });
    await rig.ok('issuer', 'delete', '-n', 'made', '-y');
  });

  test('has its keys pinned from a file, and then from elsewhere', async () => {
    const { jwk } = await makeKey('one', 'ES256');
    const file = join(rig.home, 'keys.json');
    await Bun.write(file, JSON.stringify({ keys: [jwk] }));
    const made = await rig.ok(
      'issuer',
      'create',
      '-n',
      'edge',
      '--issuer',
      'https://kubernetes.default.svc',
      '--preset',
      'kubernetes',
      '--audience',
      'a',
      '--jwks-file',
      file,
    );
    expect(made).toMatchObject({ jwks: { keys: [jwk] } });
    const { out } = await rig.run(['issuer', 'list', '-o', 'table']);
    expect(out).toBe(`Name  Preset      Issuer                          Audiences  Keys    Enabled
----  ----------  ------------------------------  ---------  ------  -------
edge  kubernetes  https://kubernetes.default.svc  a          pinned  true
`);
    await rig.ok('issuer', 'update', '-n', 'edge', '--discovery', 'https://d.example.com/x', '--audience', 'b', 'c');
    expect(await rig.ok('issuer', 'show', '-n', 'edge')).toMatchObject({
      issuer: 'https://kubernetes.default.svc',
      discovery: 'https://d.example.com/x',
      audiences: ['b', 'c'],
    });
    expect(await rig.ok('issuer', 'show', '-n', 'edge', '--query', 'jwks')).toBe(null);
    await rig.ok('issuer', 'update', '-n', 'edge', '--enabled', 'false', '--issuer', 'https://k.example.com');
    expect(await rig.ok('issuer', 'show', '-n', 'edge', '--query', '[enabled, issuer, preset]')).toEqual([
      false,
      'https://k.example.com',
      'kubernetes',
    ]);
    await rig.ok('issuer', 'update', '-n', 'edge', '--preset', 'entra', '--tenant', tenant);
    expect(await rig.ok('issuer', 'show', '-n', 'edge', '--query', 'issuer')).toBe(
      `https://sts.windows.net/${tenant}/`,
    );
  });

  test('that is disabled is not enabled by who creates it again', async () => {
    const words = ['issuer', 'create', '-n', 'google', '--preset', 'google', '--audience', 'bonded'];
    await rig.ok(...words, '--enabled', 'false');
    expect(await rig.ok(...words)).toMatchObject({ enabled: false });
    expect(await rig.ok(...words, '--enabled')).toMatchObject({ enabled: true });
    await rig.ok('issuer', 'delete', '-n', 'google', '-y');
  });

  test.each<[string[], number, string]>([
    [[], 2, 'the preset oidc needs issuer: The issuer, exactly as tokens have it in `iss`: an https URL.'],
    [
      ['--preset', 'github'],
      2,
      '--audience says what tokens must have as aud: what whoever gets them asks for, such as bonded',
    ],
    [['--preset', 'github', '--tenant', tenant], 2, 'the preset github has no parameter tenant'],
    [['--preset', 'entra', '--tenant', 'x'], 2, 'the preset entra cannot have this tenant: Directory (tenant) ID.'],
    [
      ['--preset', 'oidc', '--issuer', 'https://i.test', '--audience', 'a', '--jwks-file', '/nothere'],
      2,
      '--jwks-file: /nothere is not there',
    ],
    [
      ['--preset', 'gitlab', '--audience', 'a', '--clock-skew', 'soon'],
      2,
      'clock-skew cannot be "soon": it is a whole number of seconds; --help lists what there is',
    ],
  ])('is not made of %j', async (words, code, message) => {
    const [status, error] = await rig.refused('issuer', 'create', '-n', 'wrong', ...words);
    expect(error).toBe(`bonded: ${message}\n`);
    expect(status).toBe(code);
  });

  test.each<[string, string]>([
    ['no json', 'is no key set'],
    ['{"keys": [7]}', 'is no key set'],
    ['{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', 'has private keys'],
    ['{"keys": [{"kty": "EC", "d": "c2VjcmV0"}]}', 'has private keys'],
  ])('does not take the keys of %p, and does not repeat them', async (text, message) => {
    const file = join(rig.home, 'wrong.json');
    await Bun.write(file, text);
    const words = [
      'issuer',
      'create',
      '-n',
      'wrong',
      '--issuer',
      'https://i.test',
      '--audience',
      'a',
      '--jwks-file',
      file,
    ];
    const [code, error] = await rig.refused(...words);
    expect([code, error]).toEqual([2, expect.stringContaining(message)]);
    expect(error).not.toContain('c2VjcmV0');
  });

  test('that the server does not take is refused with its reason', async () => {
    const words = ['issuer', 'create', '-n', 'wrong', '--preset', 'google', '--issuer', 'urn:x', '--audience', 'a'];
    const [code, error] = await rig.refused(...words);
    expect([code, error]).toEqual([1, expect.stringContaining('its keys must be given by discovery, jwksUri or jwks')]);
  });

  test('is deleted when it is meant', async () => {
    expect((await rig.refused('issuer', 'delete', '-n', 'edge'))[0]).toBe(2);
    await rig.ok('issuer', 'delete', '-n', 'edge', '-y');
    expect((await rig.refused('issuer', 'show', '-n', 'edge'))[0]).toBe(3);
  });
});
