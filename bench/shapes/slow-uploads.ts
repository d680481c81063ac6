import { randomBytes } from 'node:crypto';
import {
  blobOf,
  connected,
  imageType,
  must,
  octets,
  pushOnce,
  smallImage,
  withDigest,
  locationOf,
} from '../client/content.ts';
import { pushFor } from '../client/push-load.ts';
import { registries } from '../peers/contenders.ts';
import { percentile } from '../percentile.ts';
import { underLoad } from '../process-figures.ts';
import { crowdOf, type Figures, peerOf, type Shape } from '../shape.ts';

const uploads = 50;
const bitsPerSecond = 1_000_000;
const pieceMs = 100;
const repository = 'bench/slow';
let measurement = 0;

export const slowUploads: Shape = {
  name: 'slow-uploads',
  about: `${uploads} blobs come in at ${bitsPerSecond / 1e6} Mbit/s each; beside them one connection gets a manifest by tag and one pushes small images.`,
  contenders: ['bonded', ...registries],
  needs: [],
  rounds: 2,
  rows: [
    { key: 'get', what: 'manifest GET beside slow uploads, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'push', what: 'small push beside slow uploads, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'cpu', what: 'processor time of all of it', unit: 's', better: 'less' },
    { key: 'memory', what: 'memory under slow uploads', unit: 'MiB', better: 'less', limits: { bonded: 200 } },
  ],
  async prepare({ peers }) {
    for (const { port } of peers.values()) await pushOnce(port, repository, 'latest', smallImage());
  },
  async measure(situation, contender) {
    const { port, pid } = peerOf(situation, contender);
    const seconds = situation.scale.seconds * 2;
    const run = ++measurement;
    const figures: Figures = {};
    const load = await underLoad(pid, () =>
      Promise.all([
        ...Array.from({ length: crowdOf(situation, uploads) }, () => uploadSlowly(port, seconds)),
        getFor(port, seconds).then((times) => (figures['get'] = percentile(times, 99))),
        pushFor(port, { connections: 1, seconds }, (image) => `bench/beside/${run}-${image}`).then(
          ({ times }) => (figures['push'] = percentile(times, 99)),
        ),
      ]),
    );
    return { ...figures, cpu: load.cpuSeconds, memory: load.peakMiB };
  },
};

/** One blob in one PUT that takes so many seconds. */
async function uploadSlowly(port: number, seconds: number): Promise<void> {
  const pieces = Math.ceil((seconds * 1000) / pieceMs);
  const pieceBytes = Math.round((bitsPerSecond / 8) * (pieceMs / 1000));
  const bytes = randomBytes(pieces * pieceBytes);
  const { digest } = blobOf(bytes);
  const body = Array.from({ length: pieces }, (_, at) => bytes.subarray(at * pieceBytes, (at + 1) * pieceBytes));
  await connected(port, async (connection) => {
    const begun = await connection.send({ method: 'POST', path: `/v2/${repository}/blobs/uploads/` });
    must(begun, 202, 'POST of an upload');
    const path = withDigest(locationOf(begun), digest);
    const put = await connection.send({ method: 'PUT', path, headers: octets, body, pauseMs: pieceMs });
    must(put, 201, 'PUT of a slow blob');
  });
}

/** Gets a manifest over and over, with a pause: it is there to meet what others cause, not to cause it. */
async function getFor(port: number, seconds: number): Promise<number[]> {
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  await connected(port, async (connection) => {
    while (performance.now() < until) {
      const began = performance.now();
      const path = `/v2/${repository}/manifests/latest`;
      must(await connection.send({ method: 'GET', path, headers: { Accept: imageType } }), 200, 'GET of a manifest');
      times.push(performance.now() - began);
      await Bun.sleep(5);
    }
  });
  return times;
}
