import type { Ecosystem } from './ecosystems.ts';

/** What an image says of its operating system (os-release(5)). */
export interface OsRelease {
  /** `ID`: `debian`. */
  id: string;
  /** `VERSION_ID`: `12`, `3.19.1`. */
  versionId?: string;
  /** `VERSION_CODENAME`: `bookworm`. */
  versionCodename?: string;
  /** `PRETTY_NAME`. */
  prettyName?: string;
  /** `CPE_NAME`. */
  cpeName?: string;
}

/** Debian's numbers, for images that have only the codename. `sid` has none: nothing is known of it by release. */
const debianNumbers: Readonly<Record<string, string>> = {
  wheezy: '7',
  jessie: '8',
  stretch: '9',
  buster: '10',
  bullseye: '11',
  bookworm: '12',
  trixie: '13',
  forky: '14',
  duke: '15',
};

/** How a distribution writes its release in OSV. Undefined: this image is not a release of it. */
type Release = (os: OsRelease) => string | undefined;

const none: Release = () => '';
const whole: Release = ({ versionId }) => versionId;
const major: Release = ({ versionId }) => /^[0-9]+/.exec(versionId ?? '')?.[0];

/** By `ID` of os-release; the names are OSV's, or in its manner where OSV has none and other feeds have. */
const distributions: Readonly<Record<string, readonly [ecosystem: string, release: Release]>> = {
  debian: ['Debian', debianRelease],
  ubuntu: ['Ubuntu', ubuntuRelease],
  alpine: ['Alpine', alpineRelease],
  wolfi: ['Wolfi', none],
  chainguard: ['Chainguard', none],
  minimos: ['MinimOS', none],
  echo: ['Echo', none],
  alpaquita: ['Alpaquita', whole],
  rhel: ['Red Hat', major],
  centos: ['Red Hat', centosRelease],
  rocky: ['Rocky Linux', major],
  almalinux: ['AlmaLinux', major],
  ol: ['Oracle Linux', major],
  amzn: ['Amazon Linux', whole],
  azurelinux: ['Azure Linux', major],
  mariner: ['Azure Linux', major],
  photon: ['Photon OS', whole],
  mageia: ['Mageia', major],
  openeuler: ['openEuler', openEulerRelease],
  sles: ['SUSE', suseRelease],
  sled: ['SUSE', suseRelease],
  'sle-micro': ['SUSE', suseRelease],
  'sl-micro': ['SUSE', suseRelease],
  'opensuse-leap': ['openSUSE', ({ versionId }) => versionId && `Leap ${versionId}`],
  'opensuse-tumbleweed': ['openSUSE', () => 'Tumbleweed'],
};

/**
 * The ecosystem whose advisories speak of the packages of an operating system. Undefined for distributions that have
 * none: derivatives patch on their own, and their parent's advisories would be wrong of them.
 */
export function distributionOf(os: OsRelease): Ecosystem | undefined {
  const id = os.id.toLowerCase();
  const found = Object.hasOwn(distributions, id) ? distributions[id] : undefined;
  const release = found?.[1](os);
  return found && release !== undefined ? { ecosystem: found[0], release } : undefined;
}

function debianRelease(os: OsRelease): string | undefined {
  const codename = os.versionCodename?.toLowerCase() ?? '';
  return major(os) ?? (Object.hasOwn(debianNumbers, codename) ? debianNumbers[codename] : undefined);
}

/** `22.04:LTS`, `24.10`: those of April in even years are supported for long. */
function ubuntuRelease({ versionId }: OsRelease): string | undefined {
  const parts = /^([0-9]{1,3})\.([0-9]{2})/.exec(versionId ?? '');
  if (!parts) return undefined;
  const longTerm = Number(parts[1]) % 2 === 0 && parts[2] === '04';
  return `${parts[0]}${longTerm ? ':LTS' : ''}`;
}

/** `v3.19` of 3.19.1. What is in development has the version of what it will be, and is `edge`. */
function alpineRelease({ versionId, prettyName }: OsRelease): string | undefined {
  if (/_alpha|edge/.test(versionId ?? '') || /\bedge\b/.test(prettyName ?? '')) return 'edge';
  const parts = /^[0-9]+\.[0-9]+/.exec(versionId ?? '');
  return parts ? `v${parts[0]}` : undefined;
}

/** CentOS was rebuilt from Red Hat's packages up to 8; Stream runs ahead of them. */
function centosRelease(os: OsRelease): string | undefined {
  const release = major(os);
  return release && Number(release) <= 8 && !/stream/i.test(os.prettyName ?? '') ? release : undefined;
}

/** OSV has the product's name: `Linux Enterprise Server 15 SP5`. */
function suseRelease({ prettyName }: OsRelease): string | undefined {
  return /^SUSE (Linux .{1,100})$/.exec(prettyName?.trim() ?? '')?.[1];
}

/** `22.03-LTS-SP1` of "openEuler 22.03 (LTS-SP1)". */
function openEulerRelease({ versionId, prettyName }: OsRelease): string | undefined {
  const edition = /\(([A-Za-z0-9-]{1,30})\)/.exec(prettyName ?? '')?.[1];
  return versionId && (edition ? `${versionId}-${edition}` : versionId);
}
