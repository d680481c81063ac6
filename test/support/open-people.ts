import { openFacts } from '../../src/app/storage.ts';
import { loadConfiguration } from '../../src/configuration.ts';
import { createPasswords } from '../../src/identity/passwords.ts';
import { openKeys } from '../../src/keys/index.ts';
import { createResources } from '../../src/resources/index.ts';
import { openPeople } from './people.ts';

/** Writes people past the servers that run on the same facts: what these make of it is up to them. */
export async function openPeopleBeside({ data, database }: { data?: string; database?: string | undefined }) {
  const flags = { ...(data !== undefined && { data }), ...(database !== undefined && { 'database.url': database }) };
  const { value: config } = loadConfiguration({ environment: {}, flags });
  const facts = await openFacts(config);
  const { db } = facts;
  const people = await openPeople({ resources: createResources(db, { now: Date.now }), refresh: async () => {} });
  const keys = await openKeys(db, { ...config.keys, now: Date.now, dataDirectory: data });
  const passwords = createPasswords(db, (text) => keys.hmac(`password\0${text}`));
  return {
    ...people,
    makePassword: (name: string) =>
      db.write((tx) => passwords.generate(tx, { registryId: 1, kind: 'token', name }, 'password1')),
    [Symbol.asyncDispose]: () => facts[Symbol.asyncDispose](),
  };
}

export type PeopleBeside = Awaited<ReturnType<typeof openPeopleBeside>>;

/** Asks one process of a server; resolves with the status of a pull. */
export type Ask = (authorization: string) => Promise<number>;

/**
 * Takes away, one after another, what somebody may do, and sees every process refuse it within 5 s of the commit, although each
 * had let it pass a moment before. Resolves with the longest time (ms) that one took.
 */
export async function expectWithdrawals(
  people: PeopleBeside,
  processes: readonly Ask[],
  show: {
    jwt(token: string): string;
    access(token: string): Promise<string>;
    password(user: string, value: string): string;
  },
): Promise<number> {
  let longest = 0;
  const reader = 'Container Registry Repository Reader';
  const all = async (shown: readonly string[]) =>
    Promise.all(processes.flatMap((ask) => shown.map((authorization) => ask(authorization))));

  async function become(shown: readonly string[], allowed: boolean): Promise<void> {
    const begin = performance.now();
    for (;;) {
      const statuses = await all(shown);
      if (statuses.every((status) => (status === 404) === allowed)) break;
      if (performance.now() - begin > 30_000) throw new Error(`after 30 s: ${statuses.join(' ')}`);
      await Bun.sleep(20);
    }
    if (!allowed) longest = Math.max(longest, performance.now() - begin);
  }

  async function somebody(subject: string) {
    const assignment = await people.assign(reader, await people.identity(subject));
    const jwt = await people.jwt(subject);
    await become([show.jwt(jwt)], true);
    const shown = [show.jwt(jwt), await show.access(jwt)];
    await become(shown, true);
    return { assignment, shown };
  }

  const unassigned = await somebody('unassigned');
  await people.remove(unassigned.assignment);
  await become(unassigned.shown, false);

  const disabled = await somebody('disabled');
  await people.put(people.identityId('disabled'), { status: 'disabled' });
  await become(disabled.shown, false);

  const switched = await somebody('switched');
  await people.registry({ roleAssignmentMode: 'LegacyRegistryPermissions' });
  await become(switched.shown, false);
  await people.registry({ roleAssignmentMode: 'AbacRepositoryPermissions' });

  const token = await people.token('robot', ['repositories/app/content/read']);
  const passwords = [show.password('robot', (await people.makePassword('robot')).value)];
  await become(passwords, true);
  await people.makePassword('robot');
  await become(passwords, false);
  const again = [show.password('robot', (await people.makePassword('robot')).value)];
  await become(again, true);
  await people.put(token, { scopeMapId: token.replace('/tokens/', '/scopeMaps/map-'), status: 'disabled' });
  await become(again, false);

  const vouched = await somebody('vouched');
  await people.trust({ enabled: false });
  await become(vouched.shown, false);
  return longest;
}
