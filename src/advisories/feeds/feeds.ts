import type { OpenArtifact } from '../artifact.ts';
import type { AdvisoriesConfig, FeedSource } from '../config.ts';
import { epssBytes, epssFeed, readEpss, storeEpss } from '../epss.ts';
import { confirmFeedsOf, type FeedState } from '../feed-rows.ts';
import { readAlpineSecdb, secdbBytes } from '../formats/alpine-secdb.ts';
import { readDebianTracker } from '../formats/debian-tracker.ts';
import { chunksOf, unpacked, wholeOf } from '../formats/streams.ts';
import { importArtifact } from '../import-artifact.ts';
import type { ImportContext } from '../import-context.ts';
import { importRefused } from '../import-error.ts';
import { importWhole } from '../import-feed.ts';
import { each } from '../import-file.ts';
import type { OpenSource } from '../formats/byte-source.ts';
import { kevBytes, kevFeed, storeKev } from '../kev.ts';
import type { FeedOutcome, FeedUpdate } from '../record-feed.ts';
import { type Fetcher, fetchFile } from './fetch.ts';
import { refreshOsv } from './osv-feed.ts';

export interface RefreshContext extends ImportContext {
  fetcher: Fetcher;
  openArtifact: OpenArtifact;
}

/** Something that is fetched by itself. */
export interface Feed {
  id: string;
  source: FeedSource;
  /** Where from, for people. */
  origin: string;
  licence?: string;
  everyMs: number;
  /** Brings what is stored up to date. `state`: as the last time left it. */
  refresh(context: RefreshContext, state: FeedState | undefined): Promise<FeedUpdate>;
}

/** What components there are of. */
export interface SeenEcosystems {
  ecosystems: readonly string[];
  /** Releases of Alpine, each of which has files of its own. */
  alpine: readonly string[];
}

const dayMs = 86_400_000;
/** Why layers of an artifact, or their first records, were left out: so many are told. */
const mostReasons = 10;
/** What OSV has no export of. */
const missingFromOsv = new Set(['Amazon Linux', 'Oracle Linux']);

/** What the configuration asks for, as far as there are components of it: nobody needs 200 MiB of npm for images without it. */
export function feedsOf(config: AdvisoriesConfig, seen: SeenEcosystems, sources = config.sources): Feed[] {
  const { interval: everyMs } = config;
  const daily = Math.max(everyMs, dayMs);
  const ecosystems = [...new Set([...config.ecosystems, ...seen.ecosystems])].toSorted();
  const made: Record<FeedSource, () => Feed[]> = {
    osv: () =>
      ecosystems
        .filter((ecosystem) => !missingFromOsv.has(ecosystem) || config.ecosystems.includes(ecosystem))
        .map((ecosystem) => osvFeed(config, ecosystem)),
    kev: () => [
      {
        ...kevFeed,
        source: 'kev',
        origin: config.kev,
        everyMs: daily,
        refresh: (context, state) =>
          fromFile(context, config.kev, state, async (file) =>
            storeKev(context, await wholeOf(chunksOf(file), kevBytes)),
          ),
      },
    ],
    epss: () => [
      {
        ...epssFeed,
        source: 'epss',
        origin: config.epss,
        everyMs: daily,
        refresh: (context, state) => fromFile(context, config.epss, state, (file) => refreshEpss(context, file)),
      },
    ],
    'debian-tracker': () => (ecosystems.includes('Debian') ? [debianFeed(config)] : []),
    'alpine-secdb': () =>
      seen.alpine.flatMap((release) => [secdbFeed(config, release, 'main'), secdbFeed(config, release, 'community')]),
    'trivy-db': () => (ecosystems.length === 0 ? [] : [artifactFeed('trivy-db', config.trivyDb, daily, ecosystems)]),
    bundle: () => (config.bundle === undefined ? [] : [artifactFeed('bundle', config.bundle, everyMs, ecosystems)]),
  };
  return feedSourcesIn(sources).flatMap((source) => made[source]());
}

const feedSourcesIn = (sources: readonly FeedSource[]) => [...new Set(sources)];

function osvFeed({ osv, interval }: AdvisoriesConfig, ecosystem: string): Feed {
  return {
    id: `osv/${ecosystem}`,
    source: 'osv',
    origin: `${osv}/${encodeURIComponent(ecosystem)}`,
    everyMs: interval,
    refresh: (context, state) => refreshOsv(context, context.fetcher, { base: osv, ecosystem, state }),
  };
}

function debianFeed({ debianTracker, interval }: AdvisoriesConfig): Feed {
  const id = 'debian-tracker';
  return {
    id,
    source: id,
    origin: debianTracker,
    everyMs: interval,
    refresh: (context, state) =>
      fromFile(context, debianTracker, state, async (file) => ({
        outcome: await importWhole(context, {
          id,
          ecosystem: 'Debian',
          items: () => readDebianTracker(chunksOf(file)),
        }),
        whole: 'imported',
      })),
  };
}

function secdbFeed({ alpineSecdb, interval }: AdvisoriesConfig, release: string, repository: string): Feed {
  const id = `alpine-secdb/${release}/${repository}`;
  const origin = `${alpineSecdb}/${encodeURIComponent(release)}/${repository}.json`;
  return {
    id,
    source: 'alpine-secdb',
    origin,
    everyMs: interval,
    refresh: (context, state) =>
      fromFile(context, origin, state, async (file) => {
        const read = readAlpineSecdb(await wholeOf(chunksOf(file), secdbBytes));
        if (read.release !== release || read.repository !== repository)
          throw importRefused(`${origin} is of ${read.release} ${read.repository}`);
        const items = () => each(read.items);
        return { outcome: await importWhole(context, { id, ecosystem: 'Alpine', items }), whole: 'imported' };
      }),
  };
}

/** An artifact; what is in it are feeds of their own, and this one says how it went. */
function artifactFeed(
  id: 'trivy-db' | 'bundle',
  reference: string,
  everyMs: number,
  ecosystems: readonly string[],
): Feed {
  return {
    id,
    source: id,
    origin: reference,
    everyMs,
    async refresh(context, state) {
      const artifact = await context.openArtifact(reference, context.fetcher.signal);
      // Components of another ecosystem want more of the same artifact.
      const position = id === 'trivy-db' ? `${artifact.digest} ${ecosystems.join(',')}` : artifact.digest;
      if (id === 'trivy-db' && state?.position === position && !context.force) {
        let confirmed = 0;
        for (const { digest } of artifact.layers)
          confirmed += await confirmFeedsOf(context.db, `${id}/`, digest, context.now());
        // The version before this one did not write down of which layer its parts are.
        if (confirmed > 0) return { outcome: { unchanged: true }, position };
      }
      const wanted = new Set(ecosystems);
      const feeds = await importArtifact(context, artifact, {
        wants: (ecosystem) => wanted.has(ecosystem),
        // Of a bundle, how fresh it is was said by who made it.
        unchangedStays: id === 'bundle' && !context.force,
      });
      if (feeds.length === 0) return { outcome: { unchanged: true }, position };
      const reasonsOf = (some: readonly FeedOutcome[]) =>
        some.flatMap((feed) => feed.reasons ?? []).slice(0, mostReasons);
      const total = (key: 'added' | 'changed' | 'removed' | 'components' | 'refused') =>
        feeds.reduce((sum, feed) => sum + feed[key], 0);
      const outcome = {
        records: feeds.reduce((sum, { records }) => sum + records, 0),
        added: total('added'),
        changed: total('changed'),
        removed: total('removed'),
        components: total('components'),
        refused: total('refused'),
        reasons: reasonsOf(feeds),
      };
      return {
        outcome,
        position,
        whole: 'imported',
        note: reasonsOf(feeds.filter(({ unchanged }) => unchanged)).join('; '),
      };
    },
  };
}

async function refreshEpss({ db, rest }: RefreshContext, file: OpenSource): Promise<FeedUpdate> {
  const scores = readEpss(unpacked(chunksOf(file), 'gzip', epssBytes.unpacked));
  return { outcome: await storeEpss(db, epssFeed.id, scores, rest), whole: 'imported' };
}

/** What is one file. */
async function fromFile(
  { fetcher, maxBytes, force }: RefreshContext,
  url: string,
  state: FeedState | undefined,
  store: (file: OpenSource) => Promise<FeedUpdate>,
): Promise<FeedUpdate> {
  const etag = force || !state?.wholeAt ? undefined : state.etag;
  const fetched = await fetchFile(fetcher, url, { maxBytes, etag });
  if (fetched.kind === 'missing') throw importRefused(`there is nothing at ${url}`);
  if (fetched.kind === 'unchanged') return { outcome: { unchanged: true } };
  await using file = fetched.file;
  return { ...(await store(file)), etag: fetched.etag };
}
