import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { hasTool, run } from '../clients/command.ts';

const root = join(import.meta.dir, '../..');
const files = [...new Bun.Glob('deploy/compose*.yaml').scanSync(root)].toSorted();

interface Project {
  services: Record<string, { image: string; network_mode?: string; healthcheck?: { test: string[] } }>;
}

test('there are Compose files', () => expect(files).toContain('deploy/compose.yaml'));

// compose-go is the reference implementation of the Compose specification, which the docker CLI uses.
test.skipIf(process.env['CI'] !== 'true' && !hasTool('compose-go')).each(files)(
  '%s is what Compose takes',
  async (file) => {
    const { stdout } = await run(['compose-go', '-format', 'json', join(root, file)], { environment: {} });
    const { services } = JSON.parse(stdout) as Project;
    const ours = Object.values(services).filter(({ image }) => image.startsWith('bonded:'));
    expect(ours).not.toBeEmpty();
    for (const { network_mode, healthcheck } of ours) {
      // Bonded listens on loopback only, which in a network of its own nobody could reach.
      expect(network_mode).toBe('host');
      expect(healthcheck?.test).toEqual(['CMD', '/usr/bin/bonded', 'ready']);
    }
  },
);

test('every setting that deploy/ and its guide name exists', async () => {
  const reference = await Bun.file(join(root, 'docs/reference/configuration.md')).text();
  const texts = [...files, 'deploy/Containerfile', 'deploy/bonded.service', 'docs/guides/deploying.md'];
  let named = 0;
  for (const file of texts) {
    for (const [name] of (await Bun.file(join(root, file)).text()).matchAll(/\bBONDED_[A-Z_]+[A-Z]\b/g)) {
      named++;
      if (name === 'BONDED_PORT') continue;
      expect(reference).toContain(`\`${name.replace(/_FILE$/, '')}\``);
    }
  }
  expect(named).toBeGreaterThan(5);
});
