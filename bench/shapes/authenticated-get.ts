import { openToEverybody } from '../../test/http/open-registry.ts';
import { accessToken } from '../client/access-token.ts';
import { imageType, pushOnce, smallImage } from '../client/content.ts';
import { wrk } from '../client/wrk.ts';
import { peerOf, type Shape } from '../shape.ts';

const repository = 'bench/authenticated';
const connections = 64;
export const authenticatedGet: Shape = {
  name: 'authenticated-get',
  about:
    `A manifest by its tag over ${connections} connections, with an access token for that repository; beside a server ` +
    'whose registry everybody may pull from, without any. The token is the same in all requests, as it is in the layers of a pull.',
  contenders: ['bonded', 'bonded open'],
  needs: ['wrk'],
  rows: [
    {
      key: 'rate',
      what: 'authenticated manifest GET by tag',
      unit: '1/s',
      better: 'more',
      targets: { 'bonded open': 0.8 },
    },
    { key: 'p99', what: 'authenticated manifest GET by tag, 99th percentile', unit: 'ms', better: 'less' },
  ],
  async prepare({ peers }) {
    const image = smallImage();
    for (const [name, { port, url }] of peers) {
      await pushOnce(port, repository, 'latest', image);
      if (name === 'bonded open') await openToEverybody(url);
    }
  },
  async measure(situation, contender) {
    const { url } = peerOf(situation, contender);
    const { seconds } = situation.scale;
    const target = `${url}/v2/${repository}/manifests/latest`;
    const authorization =
      contender === 'bonded' ? `Bearer ${await accessToken(url, `repository:${repository}:pull`)}` : null;
    const options = { connections, accept: imageType, authorization };
    if (seconds >= 1) await wrk(target, { ...options, seconds: 1 });
    const { rate, p99 } = await wrk(target, { ...options, seconds });
    return { rate, p99 };
  },
};
