import { connected, pushOnce, smallImage } from '../client/content.ts';
import { type Page, readPages } from '../client/pages.ts';
import { fillers } from '../fill/fill.ts';
import { registries } from '../peers/contenders.ts';
import { median } from '../percentile.ts';
import { underLoad } from '../process-figures.ts';
import { crowdOf, type Figures, peerOf, type Shape } from '../shape.ts';

const tags = 100_000;
const pageSize = 1000;
const pages = 5;
const repository = 'bench/tags';
const list = `/v2/${repository}/tags/list`;

export const tagList: Shape = {
  name: 'tag-list',
  about: `${tags} tags of one repository, over one connection: pages of ${pageSize} from the middle of them, and all as one gets them without asking for pages. docker-registry has no pages.`,
  contenders: ['bonded', ...registries],
  needs: [],
  rounds: 3,
  rows: [
    { key: 'page', what: `a page of ${pageSize} tags of ${tags}`, unit: 'ms', better: 'less' },
    { key: 'all', what: `all ${tags} tags`, unit: 'ms', better: 'less' },
    { key: 'memory', what: 'memory while tags are listed', unit: 'MiB', better: 'less', limits: { bonded: 200 } },
  ],
  async prepare(situation) {
    const image = smallImage();
    for (const [name, peer] of situation.peers) {
      const fill = fillers[name];
      if (!fill) continue;
      await pushOnce(peer.port, repository, nameOf(0), image);
      const names = Array.from({ length: crowdOf(situation, tags) - 1 }, (_, at) => nameOf(at + 1));
      await fill.tags(peer, repository, image.manifest, names);
    }
  },
  async measure(situation, contender) {
    const { port, pid } = peerOf(situation, contender);
    const count = crowdOf(situation, tags);
    const figures: Figures = {};
    const load = await underLoad(pid, () =>
      connected(port, async (connection) => {
        const middle = nameOf(Math.floor(count / 2));
        const some = await readPages(connection, `${list}?n=${pageSize}&last=${middle}`, pages);
        if (some.every((page) => tagsOf(page) <= pageSize)) {
          figures['page'] = median(some.map(({ milliseconds }) => milliseconds));
        }
        const all = await readPages(connection, list);
        const listed = all.reduce((sum, page) => sum + tagsOf(page), 0);
        if (listed !== count) throw new Error(`${contender} lists ${listed} tags of ${count}`);
        figures['all'] = all.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
      }),
    );
    return { ...figures, memory: load.peakMiB };
  },
};

function nameOf(number: number): string {
  return `build-${String(number).padStart(7, '0')}`;
}

function tagsOf({ content }: Page): number {
  return (content['tags'] as string[]).length;
}
