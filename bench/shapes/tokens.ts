import { generateKeyPairSync, sign } from 'node:crypto';
import { nullUser } from '../../src/identity/index.ts';
import { refreshToken } from '../client/access-token.ts';
import { wrk } from '../client/wrk.ts';
import { peerOf, type Shape } from '../shape.ts';

const connections = 64;

export const tokens: Shape = {
  name: 'tokens',
  about:
    `\`GET /oauth2/token\` with a refresh token, over ${connections} connections: what every pull of a client begins with. ` +
    'Each answer is signed. Beside what one core signs of texts as long, without anything else.',
  contenders: ['bonded', 'signatures'],
  needs: ['wrk'],
  rows: [
    { key: 'rate', what: 'access tokens', unit: '1/s', better: 'more', targets: { signatures: 0.25 } },
    { key: 'p99', what: 'access tokens, 99th percentile', unit: 'ms', better: 'less' },
  ],
  async measure(situation, contender) {
    const { seconds } = situation.scale;
    if (contender === 'signatures') return { rate: signaturesPerSecond(seconds) };
    const { url } = peerOf(situation, contender);
    const authorization = `Basic ${btoa(`${nullUser}:${await refreshToken(url)}`)}`;
    const target = `${url}/oauth2/token?service=${new URL(url).host}&scope=repository:bench/tokens:pull`;
    const options = { connections, accept: '*/*', authorization };
    if (seconds >= 1) await wrk(target, { ...options, seconds: 1 });
    const { rate, p99 } = await wrk(target, { ...options, seconds });
    return { rate, p99 };
  },
};

/** By node:crypto, over the length of a token's head and claims. */
function signaturesPerSecond(seconds: number): number {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const text = Buffer.alloc(600, 'x');
  const began = performance.now();
  let count = 0;
  for (; performance.now() - began < seconds * 1000; count++) {
    sign('sha256', text, { key, dsaEncoding: 'ieee-p1363' });
  }
  return count / ((performance.now() - began) / 1000);
}
