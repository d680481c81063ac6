import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { type ConfigSources, loadConfig } from './load.ts';
import { describeSettings } from './settings.ts';
import { duration } from './values.ts';

const schema = z.strictObject({
  data: z.string().default('./data').describe('Where.'),
  workers: z.number().int().positive().default(1),
  verbose: z.boolean().default(false),
  hosts: z.array(z.string().regex(/^[a-z.]+$/)).default([]),
  registries: z.array(z.strictObject({ name: z.string() })).default([]),
  gc: z.strictObject({ delay: duration().prefault('24h'), maxAge: duration().optional() }).prefault({}),
  database: z.strictObject({ url: z.string().startsWith('postgres://').optional() }).prefault({}),
  seal: z
    .strictObject({ secret: z.string().min(9).optional().meta({ secret: true, description: 'What.' }) })
    .prefault({}),
});

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bonded-config-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

let files = 0;
async function file(text: string): Promise<string> {
  const path = join(directory, `${files++}.yaml`);
  await writeFile(path, text);
  return path;
}

const load = (sources: Partial<ConfigSources>) => loadConfig(schema, { environment: {}, ...sources });
function problemsOf(sources: Partial<ConfigSources>): readonly string[] {
  try {
    load(sources);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
  throw new Error('the configuration is valid');
}

describe('where values come from', () => {
  test('nothing: defaults', () => {
    expect(load({}).value).toEqual({
      data: './data',
      workers: 1,
      verbose: false,
      hosts: [],
      registries: [],
      gc: { delay: 86_400_000 },
      database: {},
      seal: {},
    });
  });

  test('the command line wins over the environment, which wins over the file, key by key', async () => {
    const path = await file('data: /file\nworkers: 2\ngc:\n  delay: 1h\n  maxAge: 2h\nhosts: [a, b]\n');
    const environment = {
      BONDED_DATA: '/environment',
      BONDED_WORKERS: '3',
      BONDED_GC_MAX_AGE: '3h',
      BONDED_HOSTS: ' c , d,',
    };
    const { value, origins } = load({ file: path, environment, flags: { data: '/flag', verbose: undefined } });
    expect(value).toMatchObject({
      data: '/flag',
      workers: 3,
      hosts: ['c', 'd'],
      gc: { delay: 3_600_000, maxAge: 10_800_000 },
    });
    expect(Object.fromEntries(origins)).toEqual({
      data: 'command line',
      workers: 'BONDED_WORKERS',
      hosts: 'BONDED_HOSTS',
      'gc.delay': path,
      'gc.maxAge': 'BONDED_GC_MAX_AGE',
    });
  });

  test('a file that the environment names holds a secret, without the line end', async () => {
    const path = await file('postgres://user:swordfish@db/x\n');
    const { value, origins } = load({ environment: { BONDED_DATABASE_URL_FILE: path } });
    expect(value.database.url).toBe('postgres://user:swordfish@db/x');
    expect(origins.get('database.url')).toBe('BONDED_DATABASE_URL_FILE');
  });

  test('an empty variable is no variable', () => {
    expect(
      load({ environment: { BONDED_DATA: '', BONDED_GC_DELAY: '', BONDED_DATABASE_URL_FILE: '' } }).value.data,
    ).toBe('./data');
  });

  test('text stays text, also where it looks like something else', () => {
    expect(load({ environment: { BONDED_DATA: '0123' } }).value.data).toBe('0123');
    expect(load({ flags: { data: 5000 } }).value.data).toBe('5000');
    expect(
      load({ flags: { data: 'true', verbose: 'true', workers: '7', hosts: 'a,b', 'gc.delay': 60 } }).value,
    ).toMatchObject({
      data: 'true',
      verbose: true,
      workers: 7,
      hosts: ['a', 'b'],
      gc: { delay: 60_000 },
    });
  });

  test.each(['', '# nothing\n', 'gc:\n  # delay: 1h\n', 'gc:\n  delay:\n'])(
    'the file %p says nothing',
    async (text) => {
      expect(load({ file: await file(text) }).value.gc.delay).toBe(86_400_000);
    },
  );
});

describe('what is wrong is named with its key and where it came from', () => {
  test('in a file', async () => {
    const path = await file('workers: many\ngc:\n  delay: soon\n  dleay: 1h\nwrokers: 2\nhosts: [ok, "NO"]\n');
    const problems = problemsOf({ file: path });
    expect(problems).toHaveLength(5);
    expect(problems.every((problem) => problem.endsWith(`(from ${path})`))).toBe(true);
    for (const key of [
      'workers: ',
      'gc.delay: ',
      'gc.dleay: there is no such setting',
      'wrokers: there is no such setting',
      'hosts.1: ',
    ]) {
      expect(problems.some((problem) => problem.startsWith(key))).toBe(true);
    }
  });

  test('in the environment and on the command line, all at once', () => {
    const problems = problemsOf({
      environment: { BONDED_WORKERS: 'many', BONDED_VERBOSE: 'yes' },
      flags: { 'gc.delay': '1w', 'gc.dleay': '1h', registries: 'a' },
    });
    expect(problems.toSorted()).toEqual([
      expect.stringMatching(/^gc\.delay: .+ \(from command line\)$/),
      'gc.dleay: there is no such setting (from command line)',
      'registries: only the file can set this (from command line)',
      expect.stringMatching(/^verbose: .+ \(from BONDED_VERBOSE\)$/),
      expect.stringMatching(/^workers: .+ \(from BONDED_WORKERS\)$/),
    ]);
  });

  test('a file that is not there, is no YAML, or holds something else', async () => {
    expect(problemsOf({ file: join(directory, 'none.yaml') })[0]).toMatch(/^cannot read .*none\.yaml: ENOENT$/);
    expect(problemsOf({ file: await file('a: [1') })[0]).toMatch(/is not valid YAML: /);
    expect(problemsOf({ file: await file('a: 1\na: 2\n') })[0]).toMatch(/is not valid YAML: /);
    expect(problemsOf({ file: await file('- a\n') })[0]).toMatch(/must hold a mapping/);
    expect(problemsOf({ environment: { BONDED_DATA_FILE: '/none' } })[0]).toBe(
      'data: cannot read the file that BONDED_DATA_FILE names: ENOENT',
    );
  });

  test('a variable and its file, which cannot both be meant', async () => {
    const environment = { BONDED_DATA: 'a', BONDED_DATA_FILE: await file('b') };
    expect(problemsOf({ environment })).toEqual([
      'data: both BONDED_DATA and BONDED_DATA_FILE are set; one of them must go',
    ]);
  });

  test('a scalar where a group belongs is not papered over by the environment', async () => {
    expect(problemsOf({ file: await file('gc: 24h\n'), environment: { BONDED_GC_DELAY: '1h' } })[0]).toStartWith(
      'gc: ',
    );
  });

  test('a secret on the command line is refused, and nowhere else', async () => {
    const secret = 'swordfish';
    const problems = problemsOf({ flags: { 'seal.secret': secret } });
    expect(problems).toEqual([
      'seal.secret: a secret on the command line can be read by everyone on the machine; use BONDED_SEAL_SECRET_FILE ' +
        '(from command line)',
    ]);
    expect(load({ environment: { BONDED_SEAL_SECRET: secret } }).value.seal.secret).toBe(secret);
    expect(load({ environment: { BONDED_SEAL_SECRET_FILE: await file(`${secret}\n`) } }).value.seal.secret).toBe(
      secret,
    );
    expect(load({ file: await file(`seal: {secret: ${secret}}\n`) }).value.seal.secret).toBe(secret);
  });

  test('no value is ever repeated: it may be a secret', async () => {
    const secret = 'swordfish';
    const sources: Partial<ConfigSources>[] = [
      {
        environment: {
          BONDED_DATABASE_URL: secret,
          BONDED_WORKERS: secret,
          BONDED_VERBOSE: secret,
          BONDED_GC_DELAY: secret,
        },
      },
      { flags: { 'database.url': secret, hosts: secret.toUpperCase() } },
      { file: await file(`database:\n  url: ${secret}\ngc: ${secret}\n`) },
      { file: await file(`database: {url: [${secret}\n`) },
    ];
    for (const source of sources) expect(problemsOf(source).join('\n').toLowerCase()).not.toContain(secret);
  });

  test('a small file cannot unfold into a large one', async () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
      .split('')
      .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(',')}]\n`)
      .join('')}`;
    expect(problemsOf({ file: await file(bomb) })[0]).toMatch(/is not valid YAML: Excessive alias count/);
  });

  test('keys that are properties of every object are keys like any other', async () => {
    expect(problemsOf({ file: await file('__proto__:\n  verbose: true\nconstructor: 1\n') }).join()).toContain(
      'there is no such setting',
    );
    expect(problemsOf({ flags: { '__proto__.verbose': true } })).toEqual([
      '__proto__.verbose: there is no such setting (from command line)',
    ]);
    expect(({} as Record<string, unknown>)['verbose']).toBeUndefined();
  });
});

test('variables that look like ours and name no setting are reported; those of commands, tests and Kubernetes are not', () => {
  const environment = {
    BONDED_DAAT: 'x',
    BONDED_REGISTRIES: 'x',
    BONDED_DATA: 'x',
    BONDED_CONFIG: 'x',
    BONDED_SERVER: 'x',
    BONDED_REGISTRY: 'x',
    BONDED_OUTPUT: 'x',
    BONDED_PROGRESS: 'x',
    BONDED_USERNAME: 'x',
    BONDED_PASSWORD: 'x',
    BONDED_TOKEN_FILE: 'x',
    BONDED_ID_TOKEN: 'x',
    BONDED_LOGIN_AUDIENCE: 'x',
    BONDED_LOGIN_ISSUER: 'x',
    BONDED_LOGIN_CLIENT_ID: 'x',
    BONDED_TEST_POSTGRES: 'x',
    BONDED_SERVICE_HOST: 'x',
    BONDED_PORT: 'tcp://10.0.0.1:80',
    BONDED_PORT_80_TCP: 'x',
    OTHER: 'x',
  };
  expect(load({ environment }).unknownVariables).toEqual(['BONDED_DAAT', 'BONDED_REGISTRIES']);
});

test('settings are described in order, each with key, variable, kind, default and sentence', () => {
  const settings = describeSettings(schema);
  expect(settings.map(({ key, variable, reads }) => [key, variable, reads])).toEqual([
    ['data', 'BONDED_DATA', 'text'],
    ['workers', 'BONDED_WORKERS', 'number'],
    ['verbose', 'BONDED_VERBOSE', 'boolean'],
    ['hosts', 'BONDED_HOSTS', 'list'],
    ['registries', undefined, 'list'],
    ['gc.delay', 'BONDED_GC_DELAY', 'text'],
    ['gc.maxAge', 'BONDED_GC_MAX_AGE', 'text'],
    ['database.url', 'BONDED_DATABASE_URL', 'text'],
    ['seal.secret', 'BONDED_SEAL_SECRET', 'text'],
  ]);
  expect(settings[0]).toMatchObject({ description: 'Where.', defaultValue: './data' });
  expect(settings[5]).toMatchObject({ defaultValue: '24h' });
  expect(settings[6]!.defaultValue).toBeUndefined();
});
