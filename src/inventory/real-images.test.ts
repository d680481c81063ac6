import { describe, expect, test } from 'bun:test';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '../oci/index.ts';
import { dpkgStatus } from './archive.double.ts';
import { type ImageInventory, mergeLayers, readLayer } from './index.ts';

const ci = process.env['CI'] === 'true';

async function inDirectory<Result>(act: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-image-'));
  try {
    return await act(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

function run(command: string[], cwd?: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, cwd === undefined ? {} : { cwd });
  if (exitCode !== 0) throw new Error(`${command.join(' ')} failed: ${stderr.toString()}`);
  return stdout.toString();
}

test.skipIf(!Bun.which('dpkg-query'))('this machine has, as a layer, what its own dpkg says that it has', async () => {
  const format = '${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n';
  const expected = run(['dpkg-query', '-W', '-f', format])
    .split('\n')
    .filter((line) => line !== '' && !/^(?:not-installed|config-files) /.test(line))
    .map((line) => line.slice(line.indexOf(' ') + 1));
  const archive = Bun.spawn(['tar', '-c', '-C', '/', 'var/lib/dpkg/status', 'usr/lib/os-release'], {
    stderr: 'ignore',
  });
  const layer = await readLayer(archive.stdout);
  const found = layer.files
    .flatMap(({ packages }) => packages)
    .map(({ name, version, arch, source }) => [name, version, arch, source?.name, source?.version].join(' '));
  expect(layer.warnings).toEqual([]);
  expect(found.length).toBeGreaterThan(50);
  expect(found.toSorted()).toEqual(expected.toSorted());
});

/** The layers of an OCI layout, the lowest first, as they lie in it. */
async function readLayout(layout: string): Promise<ImageInventory> {
  const blob = (digest: string) => Bun.file(join(layout, 'blobs', ...digest.split(':')));
  const index = (await Bun.file(join(layout, 'index.json')).json()) as { manifests: { digest: string }[] };
  const manifest = (await blob(index.manifests[0]!.digest).json()) as {
    layers: { digest: Digest; mediaType: string }[];
  };
  const layers = manifest.layers.map(async ({ digest, mediaType }) => ({
    digest,
    inventory: await readLayer(blob(digest).stream(), { mediaType }),
  }));
  return mergeLayers(await Promise.all(layers));
}

const listed = ({ components }: ImageInventory) =>
  components.map(
    ({ installedName, installedVersion, layerIndex }) => `${installedName} ${installedVersion} of ${layerIndex}`,
  );

describe.skipIf(!ci && !Bun.which('umoci'))('an image whose layers umoci has made', () => {
  async function withImage(
    act: (steps: { directory: string; umoci: (...words: string[]) => void; image: string }) => Promise<void>,
  ) {
    await inDirectory(async (directory) => {
      const layout = join(directory, 'layout');
      const umoci = (...words: string[]) => void run(['umoci', ...words], directory);
      umoci('init', '--layout', layout);
      umoci('new', '--image', `${layout}:latest`);
      const root = join(directory, 'root');
      await mkdir(join(root, 'var/lib/dpkg'), { recursive: true });
      await mkdir(join(root, 'app/node_modules/a'), { recursive: true });
      await mkdir(join(root, 'usr/lib'), { recursive: true });
      await writeFile(join(root, 'usr/lib/os-release'), 'ID=debian\nVERSION_ID="12"\n');
      await writeFile(join(root, 'var/lib/dpkg/status'), dpkgStatus({ bash: '5.2-1', curl: '7.88' }));
      await writeFile(join(root, 'app/node_modules/a/package.json'), '{"name": "a", "version": "1.0.0"}');
      umoci('insert', '--image', `${layout}:latest`, '--rootless', root, '/');
      await act({ directory, umoci, image: `${layout}:latest` });
    });
  }

  test('with a whiteout', async () => {
    await withImage(async ({ directory, umoci, image }) => {
      expect(listed(await readLayout(join(directory, 'layout')))).toEqual([
        'bash 5.2-1 of 0',
        'curl 7.88 of 0',
        'a 1.0.0 of 0',
      ]);
      umoci('insert', '--image', image, '--whiteout', '/app/node_modules/a');
      const after = await readLayout(join(directory, 'layout'));
      expect(listed(after)).toEqual(['bash 5.2-1 of 0', 'curl 7.88 of 0']);
      expect(after).toMatchObject({ partial: false, warnings: [], os: { id: 'debian', versionId: '12' } });
    });
  });

  test('with an opaque directory, and a database that was written anew', async () => {
    await withImage(async ({ directory, umoci, image }) => {
      const app = join(directory, 'app');
      await mkdir(join(app, 'node_modules/b'), { recursive: true });
      await writeFile(join(app, 'node_modules/b/package.json'), '{"name": "b", "version": "2.0.0"}');
      umoci('insert', '--image', image, '--rootless', '--opaque', app, '/app');
      const status = join(directory, 'status');
      await writeFile(status, dpkgStatus({ bash: '5.2-1', curl: '7.89' }));
      umoci('insert', '--image', image, '--rootless', status, '/var/lib/dpkg/status');
      expect(listed(await readLayout(join(directory, 'layout')))).toEqual([
        'bash 5.2-1 of 0',
        'curl 7.89 of 2',
        'b 2.0.0 of 1',
      ]);
    });
  });

  test('of an unpacked bundle that was changed: removed, replaced by a link, moved', async () => {
    await withImage(async ({ directory, umoci, image }) => {
      const bundle = join(directory, 'bundle');
      umoci('unpack', '--rootless', '--image', image, bundle);
      const root = join(bundle, 'rootfs');
      await cp(join(root, 'app'), join(root, 'moved'), { recursive: true });
      await rm(join(root, 'app'), { recursive: true });
      await rm(join(root, 'var/lib/dpkg'), { recursive: true });
      run(['ln', '-s', '/nowhere', join(root, 'var/lib/dpkg')]);
      umoci('repack', '--image', image, bundle);
      expect(listed(await readLayout(join(directory, 'layout')))).toEqual(['a 1.0.0 of 1']);
    });
  });
});
