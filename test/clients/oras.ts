import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetch } from '../http/fetch.ts';
import type { ClientTest, Stage } from './client-test.ts';
import { runFailing } from './command.ts';
import { type Descriptor, digestOf } from './content.ts';
import { pull, same } from './pull.ts';

const needs = ['oras'];
const plain = '--plain-http';
const kinds = { sbom: 'application/spdx+json', signature: 'application/vnd.example.signature' };

/** Pushes an artifact of one file and attaches two others to it; resolves with digests. */
async function pushWithReferrers({ registry, folder, run }: Stage, repository: string) {
  const subject = `${registry.host}/${repository}:v1`;
  await writeFile(join(folder, 'report.txt'), randomBytes(5000).toString('hex'));
  const type = ['--artifact-type', 'application/vnd.example.report'];
  await run(['oras', 'push', plain, ...type, subject, 'report.txt:text/plain']);
  for (const [name, artifactType] of Object.entries(kinds)) {
    await writeFile(join(folder, `${name}.json`), JSON.stringify({ name, random: randomBytes(20).toString('hex') }));
    const annotation = ['--annotation', `org.example.kind=${name}`];
    await run([
      'oras',
      'attach',
      plain,
      '--artifact-type',
      artifactType,
      ...annotation,
      subject,
      `${name}.json:application/json`,
    ]);
  }
  return { subject, content: await pull(registry.url, repository, 'v1') };
}

export const oras: ClientTest[] = [
  {
    name: 'pushes an artifact and pulls the same files',
    needs,
    async run({ registry, folder, run }) {
      const artifact = `${registry.host}/oras/files:v1`;
      await mkdir(join(folder, 'tree'));
      await writeFile(join(folder, 'tree', 'inner.txt'), 'inner\n');
      await writeFile(join(folder, 'file.bin'), randomBytes(3_000_000));
      const type = ['--artifact-type', 'application/vnd.example.files'];
      await run(['oras', 'push', plain, ...type, artifact, 'file.bin:application/octet-stream', 'tree']);
      await pull(registry.url, 'oras/files', 'v1');
      await run(['oras', 'pull', plain, '--output', 'back', artifact]);
      for (const path of ['file.bin', 'tree/inner.txt']) {
        same(path, digestOf(await readFile(join(folder, 'back', path))), digestOf(await readFile(join(folder, path))));
      }
    },
  },
  {
    name: 'attaches artifacts, which it discovers by the referrers API, all or of one type',
    needs,
    async run(stage) {
      const { registry, run } = stage;
      const { subject, content } = await pushWithReferrers(stage, 'oras/subject');
      const before = (await registry.requests()).length;
      const discover = async (...flags: string[]) =>
        JSON.parse((await run(['oras', 'discover', plain, '--format', 'json', ...flags, subject])).stdout)
          .referrers as Descriptor[];
      const all = await discover();
      same(
        'types',
        all
          .map(({ artifactType }) => artifactType)
          .toSorted()
          .join(),
        Object.values(kinds).toSorted().join(),
      );
      const [sbom, ...others] = await discover('--artifact-type', kinds.sbom);
      same('number of other types', others.length, 0);
      same('annotation', sbom?.annotations?.['org.example.kind'], 'sbom');
      const paths = (await registry.requests()).slice(before).map(({ path }) => path);
      same('asked the referrers API', paths.includes(`/v2/oras/subject/referrers/${content.root.digest}`), true);
      same(
        'asked for the fallback tag',
        paths.some((path) => path.includes('/manifests/sha256-')),
        false,
      );
    },
  },
  {
    name: 'copies an artifact with all that refers to it',
    needs,
    async run(stage) {
      const { registry, run } = stage;
      const { subject, content } = await pushWithReferrers(stage, 'oras/from');
      await run([
        'oras',
        'cp',
        '--recursive',
        '--from-plain-http',
        '--to-plain-http',
        subject,
        `${registry.host}/oras/to:v1`,
      ]);
      same('digest', (await pull(registry.url, 'oras/to', 'v1')).root.digest, content.root.digest);
      const referrers = async (repository: string) => {
        const answer = await fetch(`${registry.url}/v2/${repository}/referrers/${content.root.digest}`);
        return JSON.stringify(((await answer.json()) as { manifests: Descriptor[] }).manifests.toSorted(byDigest));
      };
      same('referrers', await referrers('oras/to'), await referrers('oras/from'));
    },
  },
  {
    name: 'backs up an artifact to a layout and restores it',
    needs,
    async run(stage) {
      const { registry, run } = stage;
      const { subject, content } = await pushWithReferrers(stage, 'oras/backed-up');
      await run(['oras', 'cp', '--recursive', '--from-plain-http', '--to-oci-layout', subject, 'layout:v1']);
      await run([
        'oras',
        'cp',
        '--recursive',
        '--from-oci-layout',
        '--to-plain-http',
        'layout:v1',
        `${registry.host}/oras/restored:v1`,
      ]);
      same('digest', (await pull(registry.url, 'oras/restored', 'v1')).root.digest, content.root.digest);
      const { stdout } = await run([
        'oras',
        'discover',
        plain,
        '--format',
        'json',
        `${registry.host}/oras/restored:v1`,
      ]);
      same('number of referrers', JSON.parse(stdout).referrers.length, 2);
    },
  },
  {
    name: 'pushes and fetches blobs, manifests and tags one by one, and deletes them',
    needs,
    async run({ registry, folder, environment, run }) {
      const repository = `${registry.host}/oras/parts`;
      const bytes = randomBytes(200_000);
      await writeFile(join(folder, 'blob'), bytes);
      await run(['oras', 'blob', 'push', plain, `${repository}@${digestOf(bytes)}`, 'blob']);
      await run(['oras', 'blob', 'fetch', plain, '--output', 'fetched', `${repository}@${digestOf(bytes)}`]);
      same('blob', digestOf(await readFile(join(folder, 'fetched'))), digestOf(bytes));
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [],
      });
      await writeFile(join(folder, 'manifest.json'), manifest);
      await run(['oras', 'manifest', 'push', plain, `${repository}:v1,v2`, 'manifest.json']);
      same('manifest', (await run(['oras', 'manifest', 'fetch', plain, `${repository}:v2`])).stdout, manifest);
      same('tags', (await run(['oras', 'repo', 'tags', plain, repository])).stdout, 'v1\nv2\n');
      const repositories = (await run(['oras', 'repo', 'ls', plain, registry.host])).stdout.split('\n');
      same('the catalog has it', repositories.includes('oras/parts'), true);
      await run(['oras', 'manifest', 'delete', plain, '--force', `${repository}@${digestOf(manifest)}`]);
      await runFailing(['oras', 'manifest', 'fetch', plain, `${repository}:v1`], { environment });
      await run(['oras', 'blob', 'delete', plain, '--force', `${repository}@${digestOf(bytes)}`]);
      await runFailing(['oras', 'blob', 'fetch', plain, '--output', 'gone', `${repository}@${digestOf(bytes)}`], {
        environment,
      });
    },
  },
];

function byDigest(a: Descriptor, b: Descriptor): number {
  return a.digest < b.digest ? -1 : 1;
}
