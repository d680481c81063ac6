import { z } from 'zod';
import { byteSize, duration } from '../config/index.ts';

/** Where advisories can be fetched from. */
export const feedSources = ['osv', 'kev', 'epss', 'debian-tracker', 'alpine-secdb', 'trivy-db', 'bundle'] as const;
export type FeedSource = (typeof feedSources)[number];

const url = (value: string) =>
  z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .max(2048)
    .transform((text) => text.replace(/\/+$/, ''))
    .prefault(value);
const reference = () =>
  z
    .string()
    .max(512)
    .regex(/^[^\s/]+\/[^\s]+$/, 'must be HOST/REPOSITORY:TAG of a registry');

export const advisoriesConfig = z
  .strictObject({
    refresh: z
      .boolean()
      .default(false)
      .describe('Fetches advisories by itself, from `advisories.sources`. Without it, `bonded advisories sync` does.'),
    interval: duration()
      .refine((ms) => ms >= 1000, 'must be 1s or more')
      .prefault('1h')
      .describe('How often each source is asked what has changed; of KEV and EPSS once a day is the most.'),
    sources: z
      .array(z.enum(feedSources))
      .default(['osv', 'kev', 'epss'])
      .describe(
        'What is fetched: `osv` (all ecosystems), `kev`, `epss`, `debian-tracker`, `alpine-secdb`, `trivy-db`, `bundle` ' +
          '(of another server of this kind).',
      ),
    ecosystems: z
      .array(z.string().min(1).max(100))
      .max(100)
      .default([])
      .describe(
        'Ecosystems, in the words of OSV (`Debian`, `npm`), that are fetched in any case. Others are once an image has a ' +
          'package of theirs.',
      ),
    osv: url('https://osv-vulnerabilities.storage.googleapis.com').describe(
      'Where OSV exports lie, or a mirror of them: `ECOSYSTEM/all.zip`, `ECOSYSTEM/modified_id.csv`, `ECOSYSTEM/ID.json`.',
    ),
    kev: url('https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json').describe(
      'The catalogue of known exploited vulnerabilities, or a mirror of it.',
    ),
    epss: url('https://epss.empiricalsecurity.com/epss_scores-current.csv.gz').describe(
      'The scores of EPSS, or a mirror of them.',
    ),
    debianTracker: url('https://security-tracker.debian.org/tracker/data/json').describe(
      'The data of the security tracker of Debian, or a mirror of them.',
    ),
    alpineSecdb: url('https://secdb.alpinelinux.org').describe(
      'Where the secdb of Alpine lies, or a mirror of it: `RELEASE/main.json`, `RELEASE/community.json`.',
    ),
    trivyDb: reference()
      .default('ghcr.io/aquasecurity/trivy-db:2')
      .describe('The artifact that trivy-db is published as.'),
    bundle: reference().optional().describe('The artifact that `bonded advisories export` has made, in any registry.'),
    secret: z
      .string()
      .max(128)
      .optional()
      .describe('Name of the secret of `import.secrets` with which the registry of `bundle` or `trivyDb` is read.'),
    maxDownload: byteSize()
      .prefault('2GiB')
      .describe(
        'Most bytes of one export, packed and unpacked. It lies in the directory for temporary files meanwhile.',
      ),
    maxAge: duration()
      .prefault('48h')
      .describe(
        'A source that was not up to date for longer is called stale, by the status, the metrics and the advisor.',
      ),
  })
  .prefault({});

export type AdvisoriesConfig = z.output<typeof advisoriesConfig>;
