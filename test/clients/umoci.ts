import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientTest } from './client-test.ts';
import { readLayout } from './content.ts';
import { pull, same, sameContent } from './pull.ts';

export const umoci: ClientTest[] = [
  {
    name: 'changes a pulled image, whose new layer comes back as it was pushed',
    needs: ['umoci', 'skopeo', 'buildah'],
    async run({ registry, images, folder, run }) {
      const { layout } = await images.busybox();
      const remote = `docker://${registry.host}/umoci/image`;
      const copy = ['skopeo', 'copy', '--quiet', '--preserve-digests'];
      await run([...copy, '--dest-tls-verify=false', `oci:${layout}:latest`, `${remote}:v1`]);
      await run([...copy, '--src-tls-verify=false', `${remote}:v1`, 'oci:local:latest']);
      const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
      await run(['umoci', 'unpack', ...rootless, '--image', 'local:latest', 'bundle']);
      await writeFile(join(folder, 'bundle', 'rootfs', 'added.txt'), 'added\n');
      await run(['umoci', 'repack', '--image', 'local:latest', 'bundle']);
      await run(['umoci', 'gc', '--layout', 'local']);
      const changed = await readLayout(join(folder, 'local'));
      await run([...copy, '--dest-tls-verify=false', 'oci:local:latest', `${remote}:v2`]);
      sameContent(await pull(registry.url, 'umoci/image', 'v2'), changed);
      await run([...copy, '--src-tls-verify=false', `${remote}:v2`, 'oci:back:latest']);
      await run(['umoci', 'unpack', ...rootless, '--image', 'back:latest', 'again']);
      same('added file', await readFile(join(folder, 'again', 'rootfs', 'added.txt'), 'utf8'), 'added\n');
    },
  },
];
