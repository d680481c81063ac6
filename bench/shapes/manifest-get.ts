import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageType, pushOnce, smallImage } from '../content.ts';
import { type Contender, peerOf, run, type Shape } from '../shape.ts';

const repository = 'bench/manifest';
const urls = new Map<Contender, string>();

/** The request that every pull begins with, sent by wrk over 64 connections. */
export const manifestGet: Shape = {
  name: 'manifest-get',
  contenders: ['bonded', 'docker-registry', 'nginx'],
  needs: ['wrk'],
  rows: [
    {
      key: 'rate',
      what: 'manifest GET by tag',
      unit: '1/s',
      better: 'more',
      targets: { 'docker-registry': 15, nginx: 0.4 },
    },
    { key: 'p99', what: 'manifest GET by tag, 99th percentile', unit: 'ms', better: 'less', targets: {} },
  ],
  async prepare(situation) {
    const image = smallImage();
    for (const [name, peer] of situation.peers) {
      if (name === 'nginx') {
        await writeFile(join(situation.directory, 'nginx', 'manifest'), image.manifest);
        urls.set(name, `${peer.url}/manifest`);
      } else {
        await pushOnce(peer.port, repository, 'latest', image);
        urls.set(name, `${peer.url}/v2/${repository}/manifests/latest`);
      }
    }
  },
  async measure(situation, contender) {
    peerOf(situation, contender);
    const wrk = (seconds: number) =>
      run(['wrk', '-t2', '-c64', `-d${seconds}s`, '--latency', '-H', `Accept: ${imageType}`, urls.get(contender)!]);
    await wrk(1);
    const output = await wrk(Math.max(1, Math.round(situation.scale.seconds)));
    if (/Non-2xx/.test(output)) throw new Error(`${contender} refused: ${output}`);
    const late = /^\s+99%\s+([\d.]+)(us|ms|s|m)\s*$/m.exec(output);
    const unit = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[late?.[2] ?? 'ms']!;
    return {
      rate: Number(/^Requests\/sec:\s+([\d.]+)/m.exec(output)![1]),
      p99: Number(late?.[1] ?? Number.NaN) * unit,
    };
  },
};
