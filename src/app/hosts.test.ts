import { expect, test } from 'bun:test';
import { loadConfiguration } from '../configuration.ts';

import { createLiveHosts } from './hosts.ts';

const { value: config } = loadConfiguration({ environment: {}, flags: {} });

const directoryOf = (...names: string[]) => ({ registries: names.map((name, at) => ({ id: at + 1, name })) });

test('hosts are those of the registries that there are now', () => {
  let directory = directoryOf('default');
  const hosts = createLiveHosts(config, [1], { directory: () => directory, refresh: async () => {} });
  expect(() => hosts.registryOf('second.localhost')).toThrow('not configured here');
  directory = directoryOf('default', 'Second');
  expect(hosts.registryOf('second.localhost')).toBe(2);
  expect(hosts.means('second.localhost:5000', 2)).toBe(true);
  directory = directoryOf('default');
  expect(() => hosts.registryOf('second.localhost')).toThrow('not configured here');
  expect(hosts.registryOf('localhost')).toBe(1);
});

test('a flood of hosts that nobody knows looks for new registries now and then, and each waits for one look that began after', async () => {
  let looks = 0;
  const directory = directoryOf('default');
  const hosts = createLiveHosts(config, [1], { directory: () => directory, refresh: async () => void looks++ });
  const before = performance.now();
  await hosts.refresh!();
  expect(looks).toBe(1);
  for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 200 }, () => hosts.refresh!()));
  // The first of a round looks, and all others share the next look.
  expect(looks).toBeLessThanOrEqual(7);
  expect(performance.now() - before).toBeGreaterThan((looks - 1) * 95);
});
