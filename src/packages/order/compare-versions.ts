import { apkKey } from './apk.ts';
import { debKey } from './deb.ts';
import { compareMaven, parseMaven } from './maven.ts';
import { packagistKey } from './packagist.ts';
import { pypiKey } from './pypi.ts';
import { remembered } from './remembered.ts';
import { rpmKey } from './rpm.ts';
import { rubygemsKey } from './rubygems.ts';
import { goKey, nugetKey, numericKey, pubKey, semverKey } from './semver.ts';

type Order = (a: string, b: string) => number;

/** The order of what is made into sort keys. */
function byKey(key: (version: string) => string): Order {
  const keyOf = remembered(key);
  return (a, b) => {
    const [first, second] = [keyOf(a), keyOf(b)];
    return first < second ? -1 : first > second ? 1 : 0;
  };
}

const mavenOf = remembered(parseMaven);
const maven: Order = (a, b) => compareMaven(mavenOf(a), mavenOf(b));

/** Distributions of RPM, and what is not known: runs of letters and of digits are there in most versions. */
const others = byKey(rpmKey);

/** The schemes and who uses them, by OSV's names of ecosystems without their releases. */
const users: readonly (readonly [order: Order, ecosystems: readonly string[]])[] = [
  [byKey(debKey), ['Debian', 'Ubuntu', 'Echo']],
  [byKey(apkKey), ['Alpine', 'Wolfi', 'Chainguard', 'MinimOS', 'Alpaquita', 'BellSoft Hardened Containers']],
  [maven, ['Maven']],
  [byKey(pypiKey), ['PyPI']],
  [byKey(goKey), ['Go']],
  [byKey(rubygemsKey), ['RubyGems']],
  [byKey(nugetKey), ['NuGet']],
  [byKey(packagistKey), ['Packagist']],
  [byKey(pubKey), ['Pub']],
  [byKey(numericKey), ['CRAN', 'Hackage']],
  [
    byKey(semverKey),
    ['npm', 'crates.io', 'Hex', 'SwiftURL', 'Bitnami', 'ConanCenter', 'GitHub Actions', 'Julia', 'Bioconductor', 'GHC'],
  ],
];

const orders = new Map(
  users.flatMap(([order, ecosystems]) => ecosystems.map((ecosystem) => [ecosystem, order] as const)),
);

/**
 * Less than 0, 0, or more than 0: the order of two versions of an ecosystem (OSV's name without its release). It never
 * throws, and whatever texts are given, its time is bounded and the order is total, but for Maven's (see there). What is
 * not in the form of its ecosystem has a place all the same; an ecosystem that is not known is compared as RPM does.
 */
export function compareVersions(ecosystem: string, a: string, b: string): number {
  return a === b ? 0 : (orders.get(ecosystem) ?? others)(a, b);
}
