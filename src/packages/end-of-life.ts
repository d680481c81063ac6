import { distributionOf, type OsRelease } from './distributions.ts';

/*
 * Until when distributions publish updates for everybody, by release: the last day. What is sold or needs a subscription
 * (Ubuntu Pro, ELS, ELTS, LTSS, extended support) does not count: an image that is built on a public base does not get it. Where
 * somebody else goes on for free, as Debian's LTS team does, that is the later of two days. What is not here, nothing is said of:
 * a release that is newer than this table, and one that rolls on.
 *
 * As of 2026-08-22, by the distributions' own pages:
 *   Debian         wiki.debian.org/DebianReleases, wiki.debian.org/LTS (distro-info-data 0.58+deb12u7)
 *   Ubuntu         wiki.ubuntu.com/Releases (distro-info-data)
 *   Alpine         alpinelinux.org/releases
 *   Red Hat        access.redhat.com/support/policy/updates/errata: end of maintenance support
 *   CentOS         www.centos.org/centos-linux, www.centos.org/centos-stream
 *   Rocky, Alma    wiki.rockylinux.org/rocky/version, wiki.almalinux.org/release-notes
 *   Oracle         Oracle Lifetime Support Policy: end of premier support
 *   Amazon         docs.aws.amazon.com/linux: end of maintenance support
 *   SUSE           www.suse.com/lifecycle: end of general support
 *   openSUSE       en.opensuse.org/Lifetime
 *   Fedora         fedorapeople.org/groups/schedule
 *   Photon         blogs.vmware.com/vsphere: end of support
 */
type Days = Readonly<Record<string, string | readonly [standard: string, longTerm: string]>>;

const redHat: Days = {
  4: '2012-02-29',
  5: '2017-03-31',
  6: '2020-11-30',
  7: '2024-06-30',
  8: '2029-05-31',
  9: '2032-05-31',
  10: '2035-05-31',
};
const rebuilt: Days = { 8: '2029-05-31', 9: '2032-05-31', 10: '2035-05-31' };
const suse: Days = {
  '11.4': '2019-03-31',
  '12.0': '2016-06-30',
  '12.1': '2017-05-31',
  '12.2': '2018-03-31',
  '12.3': '2019-06-30',
  '12.4': '2020-06-30',
  '12.5': '2024-10-31',
  '15.0': '2019-12-31',
  '15.1': '2021-01-31',
  '15.2': '2021-12-31',
  '15.3': '2022-12-31',
  '15.4': '2023-12-31',
  '15.5': '2024-12-31',
  '15.6': '2025-12-31',
  '15.7': '2031-07-31',
  '16.0': '2027-11-30',
};

/** By `ID` of os-release. */
const distributions: Readonly<Record<string, Days>> = {
  debian: {
    6: ['2014-05-31', '2016-02-29'],
    7: ['2016-04-25', '2018-05-31'],
    8: ['2018-06-17', '2020-06-30'],
    9: ['2020-07-18', '2022-06-30'],
    10: ['2022-09-10', '2024-06-30'],
    11: ['2024-08-14', '2026-08-31'],
    12: ['2026-07-11', '2028-06-30'],
    13: ['2028-08-09', '2030-06-30'],
  },
  ubuntu: {
    '12.04': '2017-04-28',
    '14.04': '2019-04-25',
    '16.04': '2021-04-30',
    '16.10': '2017-07-20',
    '17.04': '2018-01-13',
    '17.10': '2018-07-19',
    '18.04': '2023-05-31',
    '18.10': '2019-07-18',
    '19.04': '2020-01-23',
    '19.10': '2020-07-17',
    '20.04': '2025-05-29',
    '20.10': '2021-07-22',
    '21.04': '2022-01-20',
    '21.10': '2022-07-14',
    '22.04': '2027-06-01',
    '22.10': '2023-07-20',
    '23.04': '2024-01-25',
    '23.10': '2024-07-11',
    '24.04': '2029-05-31',
    '24.10': '2025-07-10',
    '25.04': '2026-01-15',
    '25.10': '2026-07-09',
    '26.04': '2031-05-29',
  },
  alpine: {
    '3.0': '2016-05-01',
    '3.1': '2016-11-01',
    '3.2': '2017-05-01',
    '3.3': '2017-11-01',
    '3.4': '2018-05-01',
    '3.5': '2018-11-01',
    '3.6': '2019-05-01',
    '3.7': '2019-11-01',
    '3.8': '2020-05-01',
    '3.9': '2020-11-01',
    '3.10': '2021-05-01',
    '3.11': '2021-11-01',
    '3.12': '2022-05-01',
    '3.13': '2022-11-01',
    '3.14': '2023-05-01',
    '3.15': '2023-11-01',
    '3.16': '2024-05-23',
    '3.17': '2024-11-22',
    '3.18': '2025-05-09',
    '3.19': '2025-11-01',
    '3.20': '2026-04-01',
    '3.21': '2026-11-01',
    '3.22': '2027-05-01',
    '3.23': '2027-11-01',
    '3.24': '2028-06-01',
  },
  rhel: redHat,
  centos: { ...redHat, 8: '2021-12-31' },
  'centos-stream': { 8: '2024-05-31', 9: '2027-05-31', 10: '2030-05-31' },
  rocky: rebuilt,
  almalinux: rebuilt,
  ol: { 6: '2021-03-31', 7: '2024-12-31', 8: '2029-07-31', 9: '2032-06-30' },
  amzn: { 1: '2023-12-31', 2: '2026-06-30', 2023: '2029-06-30' },
  sles: suse,
  sled: suse,
  'opensuse-leap': {
    '42.1': '2017-05-17',
    '42.2': '2018-01-26',
    '42.3': '2019-07-01',
    '15.0': '2019-12-03',
    '15.1': '2021-02-02',
    '15.2': '2022-01-04',
    '15.3': '2022-12-31',
    '15.4': '2023-12-07',
    '15.5': '2024-12-31',
    '15.6': '2026-04-30',
    '16.0': '2027-10-31',
  },
  fedora: {
    30: '2020-05-26',
    31: '2020-11-24',
    32: '2021-05-25',
    33: '2021-11-30',
    34: '2022-06-07',
    35: '2022-12-13',
    36: '2023-05-16',
    37: '2023-12-05',
    38: '2024-05-21',
    39: '2024-11-26',
    40: '2025-05-13',
    41: '2025-12-15',
    42: '2026-05-27',
    43: '2026-12-09',
    44: '2027-06-02',
  },
  photon: { '1.0': '2022-02-28', '2.0': '2022-12-01', '3.0': '2025-10-02', '4.0': '2027-10-11' },
};

export interface EndOfLife {
  /** From when on there are no updates any more for who does not pay for them (ms). */
  ends: number;
  /** From when on others than the distribution's own team make them, where that is earlier (ms). */
  standardEnds?: number;
}

const dayMs = 86_400_000;
/** What was out before the day was over counts as an update of that day. */
const after = (day: string) => Date.parse(day) + dayMs;

/** Until when the distribution of an image is maintained; undefined where that is not known, or has no end yet. Pure. */
export function endOfLifeOf(os: OsRelease): EndOfLife | undefined {
  const [id, release] = releaseOf(os);
  const releases = Object.hasOwn(distributions, id) ? distributions[id]! : {};
  const days = release !== undefined && Object.hasOwn(releases, release) ? releases[release]! : undefined;
  if (days === undefined) return undefined;
  return typeof days === 'string' ? { ends: after(days) } : { ends: after(days[1]), standardEnds: after(days[0]) };
}

/** As the table has it. */
function releaseOf(os: OsRelease): [id: string, release: string | undefined] {
  const id = os.id.toLowerCase();
  const [major, minor = '0'] = /^([0-9]+)(?:\.([0-9]+))?/.exec(os.versionId ?? '')?.slice(1) ?? [];
  // These know what is in development, and what has nothing but a codename.
  if (id === 'debian' || id === 'ubuntu' || id === 'alpine')
    return [id, distributionOf(os)?.release.replaceAll(/^v|:LTS$/g, '')];
  if (major === undefined) return [id, undefined];
  if (id === 'sles' || id === 'sled' || id === 'opensuse-leap' || id === 'photon') return [id, `${major}.${minor}`];
  // The first Amazon Linux was named by year and month.
  if (id === 'amzn' && /^201[0-9]$/.test(major)) return [id, '1'];
  return [id === 'centos' && /stream/i.test(os.prettyName ?? '') ? 'centos-stream' : id, major];
}
