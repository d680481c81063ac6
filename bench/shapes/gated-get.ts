import { managementOf, registry } from '../../test/support/management.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { accessToken } from '../client/access-token.ts';
import { imageType, pushOnce, smallImage } from '../client/content.ts';
import { wrk } from '../client/wrk.ts';
import { median } from '../percentile.ts';
import { crowdOf, type Figures, type Shape } from '../shape.ts';

const connections = 64;
const gated = 'bench/gated';
const open = 'bench/open';
/** Pairs of turns, each begun by the other one than the pair before. */
const pairs = 9;

export const gatedGet: Shape = {
  name: 'gated-get',
  about:
    `A manifest by its tag over ${connections} connections, with an access token, of an image that a policy lets out; beside ` +
    'one of a repository that no policy covers. The same server in turns.',
  contenders: ['bonded'],
  startsServers: true,
  needs: ['wrk'],
  rows: [
    { key: 'rate', what: 'authenticated manifest GET by tag under a policy', unit: '1/s', better: 'more' },
    {
      key: 'cost',
      what: 'the same rate without a policy ÷ with one',
      unit: '×',
      better: 'less',
      // 0.95 of the rate without.
      limits: { bonded: 1.053 },
    },
  ],
  async prepare() {},
  async measure(situation): Promise<Figures> {
    await using server = await startTestProcess();
    const { url } = server;
    await managementOf(url).put(`${registry}/admissionPolicies/bench`, {
      repositories: [gated],
      mode: 'enforce',
      severity: 'High',
      unscanned: 'allow',
    });
    const image = smallImage();
    const port = Number(new URL(url).port);
    for (const repository of [gated, open]) await pushOnce(port, repository, 'latest', image);
    const ask = async (repository: string, seconds: number) => {
      const authorization = `Bearer ${await accessToken(url, `repository:${repository}:pull`)}`;
      const target = `${url}/v2/${repository}/manifests/latest`;
      const { rate } = await wrk(target, { connections, accept: imageType, authorization, seconds });
      return rate;
    };
    const seconds = Math.max(1, Math.round((situation.scale.seconds * 2) / pairs));
    for (const repository of [gated, open]) await ask(repository, situation.scale.seconds);
    const rates: number[] = [];
    const costs: number[] = [];
    for (let pair = 0; pair < crowdOf(situation, pairs); pair++) {
      const first = pair % 2 === 0 ? gated : open;
      const one = await ask(first, seconds);
      const other = await ask(first === gated ? open : gated, seconds);
      const [under, without] = first === gated ? [one, other] : [other, one];
      rates.push(under);
      costs.push(without / under);
    }
    return { rate: median(rates), cost: median(costs) };
  },
};
