import { generateKeyPairSync, sign } from 'node:crypto';
import { join } from 'node:path';
import { makeIssuer, managementOf } from '../../test/support/management.ts';
import { nullUser } from '../../src/identity/index.ts';
import { accessToken, refreshToken } from '../client/access-token.ts';
import { pushOnce, smallImage } from '../client/content.ts';
import { wrk } from '../client/wrk.ts';
import { bondedWithLog } from '../peers/bonded.ts';
import { type Peer, startServer } from '../peers/start.ts';
import type { Shape } from '../shape.ts';

const connections = 64;
const repository = 'bench/tokens';
const scope = `repository:${repository}:pull`;
const subject = 'system:serviceaccount:bench:puller';

/** The server, with what an identity of it shows, and how long that is which is signed of its tokens. */
let asked: { server: Peer; authorization: string; signedLength: number } | undefined;

export const tokens: Shape = {
  name: 'tokens',
  about:
    `\`GET /oauth2/token\` with the refresh token of an identity that may pull, over ${connections} connections: what every ` +
    'pull of a client begins with. Each answer is signed, and recorded in the audit before it is given, which is written to a ' +
    'file. Beside what one core signs of texts as long, without anything else.',
  contenders: ['bonded', 'signatures'],
  startsServers: true,
  needs: ['wrk'],
  rows: [
    { key: 'rate', what: 'access tokens', unit: '1/s', better: 'more', targets: { signatures: 0.25 } },
    { key: 'p99', what: 'access tokens, 99th percentile', unit: 'ms', better: 'less' },
  ],
  async prepare({ directory }) {
    const server = await startServer(bondedWithLog('Bonded'), join(directory, 'tokens'));
    const { url } = server;
    await pushOnce(server.port, repository, 'latest', smallImage());
    const refresh = await refreshToken(url, await identityOf(url));
    const [head, claims] = (await accessToken(url, scope, refresh)).split('.');
    const signedLength = `${head}.${claims}`.length;
    asked = { server, authorization: `Basic ${btoa(`${nullUser}:${refresh}`)}`, signedLength };
  },
  async measure({ scale: { seconds } }, contender) {
    const { server, authorization, signedLength } = asked!;
    if (contender === 'signatures') return { rate: signaturesPerSecond(seconds, signedLength) };
    const target = `${server.url}/oauth2/token?service=${new URL(server.url).host}&scope=${scope}`;
    const options = { connections, accept: '*/*', authorization };
    if (seconds >= 1) await wrk(target, { ...options, seconds: 1 });
    const { rate, p99 } = await wrk(target, { ...options, seconds });
    return { rate, p99 };
  },
  async finish() {
    await asked?.server.stop();
    asked = undefined;
  },
};

/** Makes an identity for a service account of a cluster, which may pull; resolves with a token of that cluster. */
async function identityOf(url: string): Promise<string> {
  const management = managementOf(url);
  const cluster = await makeIssuer('https://cluster.test');
  await management.trust('cluster', cluster.properties);
  const principalId = await management.identity('puller');
  await management.credential('puller', 'cluster', { issuer: cluster.issuer, subject, audiences: ['bonded'] });
  await management.assign('Container Registry Repository Reader', { principalId, principalType: 'ServicePrincipal' });
  return cluster.token({ sub: subject });
}

/** By node:crypto. */
function signaturesPerSecond(seconds: number, length: number): number {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const text = Buffer.alloc(length, 'x');
  const began = performance.now();
  let count = 0;
  for (; performance.now() - began < seconds * 1000; count++) {
    sign('sha256', text, { key, dsaEncoding: 'ieee-p1363' });
  }
  return count / ((performance.now() - began) / 1000);
}
