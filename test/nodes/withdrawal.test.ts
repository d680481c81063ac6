import { expect, test } from 'bun:test';
import { fetch } from '../http/fetch.ts';
import { accessToken } from '../http/tokens.ts';
import { expectWithdrawals, openPeopleBeside } from '../support/open-people.ts';
import { basic, bearer } from '../support/people.ts';
import { canCluster, startCluster } from './cluster.ts';

test.skipIf(!canCluster)(
  'what is taken away is gone within 5 s on every node',
  async () => {
    await using cluster = await startCluster();
    const [flag, database] = cluster.settings;
    expect(flag).toBe('--database');
    await using people = await openPeopleBeside({ database });
    const asks = cluster.nodes.map(({ url }) => async (authorization: string) => {
      const answer = await fetch(`${url}/v2/app/manifests/latest`, { headers: { Authorization: authorization } });
      return answer.status;
    });
    const [first] = cluster.nodes;
    const longest = await expectWithdrawals(people, asks, {
      jwt: (token) => basic('x', token),
      access: async (token) => bearer(await accessToken(first!.url, basic('x', token), ['repository:app:pull'])),
      password: basic,
    });
    expect(longest).toBeLessThan(5000);
  },
  180_000,
);
