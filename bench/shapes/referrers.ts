import { randomBytes } from 'node:crypto';
import { blobOf, configType, connected, digestOf, imageOf, imageType, pushOnce } from '../client/content.ts';
import { type Page, readPages } from '../client/pages.ts';
import { fillers } from '../fill/fill.ts';
import { registries } from '../peers/contenders.ts';
import { underLoad } from '../process-figures.ts';
import { crowdOf, type Figures, peerOf, type Shape } from '../shape.ts';

const entries = 10_000;
const repository = 'bench/referrers';
const types = ['application/vnd.bench.signature', 'application/vnd.bench.sbom'] as const;
/** One in so many is of the second type. */
const rare = 100;

const image = imageOf(blobOf(randomBytes(300)), [blobOf(randomBytes(300))]);
const subject = { mediaType: imageType, digest: digestOf(image.manifest), size: image.manifest.byteLength };
const list = `/v2/${repository}/referrers/${subject.digest}`;

export const referrers: Shape = {
  name: 'referrers',
  about: `${entries} referrers of one image, read to the end over one connection; and those of a type that one in ${rare} has. Distribution has no referrers.`,
  contenders: ['bonded', ...registries],
  needs: [],
  rounds: 3,
  rows: [
    { key: 'all', what: `all ${entries} referrers`, unit: 'ms', better: 'less' },
    { key: 'some', what: 'the referrers of one type', unit: 'ms', better: 'less' },
    { key: 'cpu', what: 'processor time of both lists of referrers', unit: 's', better: 'less', targets: { zot: 0.7 } },
    { key: 'memory', what: 'memory while referrers are listed', unit: 'MiB', better: 'less', limits: { bonded: 200 } },
  ],
  async prepare(situation) {
    for (const [name, peer] of situation.peers) {
      const fill = fillers[name]?.referrers;
      if (!fill) continue;
      await pushOnce(peer.port, repository, 'latest', image);
      await fill(
        peer,
        repository,
        Array.from({ length: crowdOf(situation, entries) }, (_, number) => referrer(number)),
      );
    }
  },
  async measure(situation, contender) {
    const { port, pid } = peerOf(situation, contender);
    const count = crowdOf(situation, entries);
    if (!fillers[contender]?.referrers) return {};
    const figures: Figures = {};
    const load = await underLoad(pid, () =>
      connected(port, async (connection) => {
        figures['all'] = timeOf(await readPages(connection, list), count);
        const filtered = `${list}?artifactType=${encodeURIComponent(types[1])}`;
        figures['some'] = timeOf(await readPages(connection, filtered), Math.ceil(count / rare));
      }),
    );
    return { ...figures, cpu: load.cpuSeconds, memory: load.peakMiB };
  },
};

/** A signature or an SBOM: its bytes are in a blob that the repository has. */
function referrer(number: number): Uint8Array {
  const descriptor = { mediaType: configType, digest: image.config.digest, size: image.config.size };
  const manifest = {
    schemaVersion: 2,
    mediaType: imageType,
    artifactType: types[number % rare === 0 ? 1 : 0],
    config: descriptor,
    layers: [descriptor],
    subject,
    annotations: { 'org.opencontainers.image.created': new Date(number * 1000).toISOString() },
  };
  return Buffer.from(JSON.stringify(manifest));
}

function timeOf(pages: readonly Page[], wanted: number): number {
  const found = pages.reduce((sum, { content }) => sum + (content['manifests'] as unknown[]).length, 0);
  if (found !== wanted) throw new Error(`${found} referrers are listed of ${wanted}`);
  return pages.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
}
