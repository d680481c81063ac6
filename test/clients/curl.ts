import { createReadStream } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientTest, Stage } from './client-test.ts';
import { runFailing } from './command.ts';
import { checkStream, type Descriptor } from './content.ts';
import { same } from './pull.ts';

const needs = ['curl', 'crane'];

/** Pushes the large image; resolves with its layer and with the address of it. */
async function pushLarge({ registry, images, run }: Stage): Promise<{ layer: Descriptor; address: string }> {
  const { layout, content } = await images.large();
  await run(['crane', 'push', layout, `${registry.host}/curl/large:v1`]);
  const [digest, size] = [...content.blobs].reduce((a, b) => (a[1] > b[1] ? a : b));
  return {
    layer: { mediaType: 'application/octet-stream', digest, size },
    address: `${registry.url}/v2/curl/large/blobs/${digest}`,
  };
}

export const curl: ClientTest[] = [
  {
    name: 'resumes a download that broke off',
    needs,
    async run(stage) {
      const { environment, folder, run } = stage;
      const { layer, address } = await pushLarge(stage);
      const target = join(folder, 'blob');
      const download = ['curl', '--silent', '--show-error', '--fail', '--output', target];
      // Slow enough to be cut in the middle.
      await runFailing([...download, '--limit-rate', '40M', '--max-time', '1', address], { environment });
      const { size } = await stat(target);
      if (size === 0 || size >= layer.size)
        throw new Error(`the download broke off after ${size} bytes of ${layer.size}`);
      await run([...download, '--continue-at', '-', address]);
      same('size', await checkStream(createReadStream(target), layer.digest), layer.size);
      // Resuming what is complete is refused with 416, and curl takes that for done.
      const again = await run([...download, '--continue-at', '-', '--write-out', '%{http_code}', address]).catch(
        (error: Error) => error,
      );
      same(
        'answer to resuming a complete file',
        /416/.test(again instanceof Error ? again.message : again.stdout),
        true,
      );
    },
  },
  {
    name: 'downloads a blob in eight parts at once',
    needs,
    async run(stage) {
      const { folder, run } = stage;
      const { layer, address } = await pushLarge(stage);
      const length = Math.ceil(layer.size / 8);
      const parts = await Promise.all(
        Array.from({ length: 8 }, async (_, at) => {
          const last = Math.min(layer.size, (at + 1) * length) - 1;
          const flags = ['--range', `${at * length}-${last}`, '--write-out', '%{http_code}', '--output', `part-${at}`];
          const { stdout } = await run(['curl', '--silent', '--show-error', '--fail', ...flags, address]);
          same('status', stdout, '206');
          return join(folder, `part-${at}`);
        }),
      );
      await checkStream(concatenated(parts), layer.digest);
    },
  },
  {
    name: 'asks for the end of a blob and gets it with the right headers',
    needs,
    async run(stage) {
      const { folder, run } = stage;
      const { layer, address } = await pushLarge(stage);
      const flags = ['--range', '-1000', '--dump-header', 'headers', '--output', 'end'];
      await run(['curl', '--silent', '--show-error', '--fail', ...flags, address]);
      same('bytes', (await stat(join(folder, 'end'))).size, 1000);
      const headers = await readFile(join(folder, 'headers'), 'utf8');
      const value = (name: string) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(headers)?.[1];
      same('Content-Range', value('content-range'), `bytes ${layer.size - 1000}-${layer.size - 1}/${layer.size}`);
      same('Content-Length', value('content-length'), '1000');
      same('Accept-Ranges', value('accept-ranges'), 'bytes');
    },
  },
  {
    name: 'uploads a file larger than the manifest limit after 100-continue',
    needs: ['curl'],
    async run({ registry, folder, run }) {
      const bytes = new Uint8Array(20_000_000).fill(7);
      await writeFile(join(folder, 'bytes'), bytes);
      const digest = `sha256:${new Bun.CryptoHasher('sha256').update(bytes).digest('hex')}`;
      const address = `${registry.url}/v2/curl/uploaded/blobs/uploads/?digest=${digest}`;
      const flags = [
        '--request',
        'POST',
        '--header',
        'Expect: 100-continue',
        '--header',
        'Content-Type: application/octet-stream',
      ];
      const command = [
        'curl',
        '--silent',
        '--show-error',
        '--verbose',
        ...flags,
        '--data-binary',
        '@bytes',
        '--write-out',
        '%{http_code}',
        address,
      ];
      const { stdout, stderr } = await run(command);
      same('status', stdout, '201');
      same('was told to continue', stderr.includes('100 Continue'), true);
    },
  },
];

async function* concatenated(paths: string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) yield* createReadStream(path);
}
