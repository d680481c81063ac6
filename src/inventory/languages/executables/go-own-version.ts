/** A value that the linker was told to put into a variable: `-X main.version=v1.2.3`, quoted or not. */
const assignment = /-X[= ]\s*["'\\]*([\w./~-]{1,300})=["'\\]*([^\s"'\\]+)/g;
const variable = /(?:^|[./])(?:version|ver|appversion|buildversion|releaseversion)$/i;
const semver = /^v?(\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?)$/;
/** Of packages that programs keep their own version in; others have that of something else in them. */
const usual = /(?:^|\/)(?:main|cmd|version|build|buildinfo|common|info|config|app)\.[^./]+$/i;
/** Of a checkout without tags, as continuous integration has it; it says nothing of which release it is. */
const untagged = /^v0\.0\.0-(?:\d{14})-[0-9a-f]{12}/;
/** Longest settings that are looked through, and most values in them. */
const maxSettings = 16_384;
const maxValues = 200;

/** Whether the version of the main module says which release the program is. */
export function isRelease(version: string): boolean {
  return version !== '' && version !== '(devel)' && !untagged.test(version);
}

/**
 * The version of a program that was built from a checkout, by what its builders told the linker (`-ldflags`); '' where
 * they said nothing, or several things.
 */
export function versionByLinker(settings: string, module: string): string {
  const values: { key: string; version: string }[] = [];
  for (const [, key = '', value = ''] of settings.slice(0, maxSettings).matchAll(assignment)) {
    const version = semver.exec(value)?.[1];
    if (version !== undefined && variable.test(key)) values.push({ key, version });
    if (values.length >= maxValues) break;
  }
  const own = [
    values.filter(({ key }) => key.startsWith(`${module}/cmd/`) || key.startsWith('main.')),
    values.filter(({ key }) => (key.startsWith(`${module}/`) || key.startsWith(`${module}.`)) && usual.test(key)),
    values.filter(({ key }) => key.startsWith(`${module}/`)),
  ].find((some) => some.length > 0);
  const versions = new Set(own?.map(({ version }) => version));
  return versions.size === 1 ? `v${[...versions][0]}` : '';
}
