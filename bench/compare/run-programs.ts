import { join } from 'node:path';
import { createKitchen } from './kitchen.ts';
import type { Listed } from './listed.ts';
import type { Lister } from './programs.ts';
import { readSyft } from './read-syft.ts';
import { readTrivy } from './read-trivy.ts';

/** Has a program list an image, in a network that is empty: what it says is of the image alone. */
export async function listByProgram(
  name: Lister,
  { path, layout, directory }: { path: string; layout: string; directory: string },
): Promise<Listed[]> {
  const { run } = createKitchen(directory);
  const report = join(directory, `${name}.json`);
  const command =
    name === 'trivy'
      ? [
          'image',
          '--input',
          layout,
          '--cache-dir',
          join(directory, 'trivy-cache'),
          '--format',
          'cyclonedx',
          '--output',
          report,
          '--skip-db-update',
          '--skip-java-db-update',
          '--skip-version-check',
          '--disable-telemetry',
          '--quiet',
        ]
      : ['scan', `oci-dir:${layout}`, '--quiet', '--output', `syft-json=${report}`];
  await run(['unshare', '--net', path, ...command], { environment: { SYFT_CHECK_FOR_APP_UPDATE: 'false' } });
  const text = await Bun.file(report).text();
  return name === 'trivy' ? readTrivy(text) : readSyft(text);
}
