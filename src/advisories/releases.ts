/**
 * Whether what an advisory says of a release of an ecosystem holds for a component of another. `instead`: it does, and what
 * the same advisory says of the plain release does not. Undefined: it does not.
 */
export function speaksOf(
  ecosystem: string,
  said: string,
  release: string,
  version: string,
): 'beside' | 'instead' | undefined {
  if (ecosystem === 'Ubuntu' && said.startsWith('Pro:')) return ofUbuntuPro(said, release, version);
  if (said === '' || said === release) return 'beside';
  if (ecosystem === 'Red Hat') return isRedHat(said, release) ? 'beside' : undefined;
  return ecosystem === 'SUSE' && isSuse(said, release) ? 'beside' : undefined;
}

/**
 * `Pro:18.04:LTS`: what Ubuntu fixes for subscribers alone. Who does not have those packages is affected as they were; the
 * versions of who has them say so, and the plain release, which was never fixed, is not theirs. Variants with versions of
 * their own (`Pro:FIPS:20.04:LTS`) hold for what bears their mark.
 */
function ofUbuntuPro(said: string, release: string, version: string): 'beside' | 'instead' | undefined {
  const rest = said.slice('Pro:'.length);
  if (rest === release) return /esm/i.test(version) ? 'instead' : 'beside';
  const isFips = /^FIPS(?:-updates|-preview)?:/.test(rest) && rest.slice(rest.indexOf(':') + 1) === release;
  return isFips && /fips/i.test(version) ? 'instead' : undefined;
}

/**
 * Red Hat names the tail of a CPE: `enterprise_linux:9::baseos`, where images know `9`. Extended support of a minor version
 * (`rhel_eus:9.2`) and layered products have packages of their own.
 */
function isRedHat(said: string, release: string): boolean {
  const found = /^enterprise_linux:([0-9]+)(?:\.[0-9]+)?(?::|$)/.exec(said);
  return found !== null && found[1] === release;
}

/** SUSE's packages are in modules: what an image calls `Linux Enterprise Server 15 SP5` is fixed in `… Module for Basesystem 15 SP5`. */
function isSuse(said: string, release: string): boolean {
  const edition = /^Linux Enterprise (?:Server|Desktop) (.+)$/.exec(release)?.[1];
  const module = /^Linux Enterprise Module for [A-Za-z0-9 .&-]+? ([0-9]+(?: SP[0-9]+)?)$/.exec(said)?.[1];
  return edition !== undefined && edition === module;
}
