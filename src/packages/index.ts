export type { Component } from './component.ts';
export { distributionOf, type OsRelease } from './distributions.ts';
export { type EndOfLife, endOfLifeOf } from './end-of-life.ts';
export {
  advisoryName,
  type Ecosystem,
  formatEcosystem,
  languageEcosystem,
  normalisePythonName,
  parseEcosystem,
} from './ecosystems.ts';
export { compareVersions } from './order/compare-versions.ts';
export { maxPurlLength, type PackageUrl, parsePurl, purlOf } from './package-url.ts';
export { isSeverity, severities, type Severity, severityRank, worseSeverity } from './severity.ts';
