import { ManagementError } from './management-error.ts';

/** Versions that published clients send, by provider. What they send and expect of our types is the same in all. */
export const apiVersions = {
  containerRegistry: [
    '2017-03-01',
    '2017-06-01-preview',
    '2017-10-01',
    '2018-02-01-preview',
    '2018-09-01',
    '2019-04-01',
    '2019-05-01',
    '2019-05-01-preview',
    '2019-06-01-preview',
    '2019-12-01-preview',
    '2020-11-01-preview',
    '2021-06-01-preview',
    '2021-08-01-preview',
    '2021-09-01',
    '2021-12-01-preview',
    '2022-02-01-preview',
    '2022-12-01',
    '2023-01-01-preview',
    '2023-06-01-preview',
    '2023-07-01',
    '2023-08-01-preview',
    '2023-11-01-preview',
    '2024-11-01-preview',
    '2025-03-01-preview',
    '2025-04-01',
    '2025-05-01-preview',
    '2025-06-01-preview',
    '2025-11-01',
    '2026-03-01-preview',
    '2026-09-01-preview',
    '2026-11-01',
  ],
  managedIdentity: [
    '2018-11-30',
    '2021-09-30-preview',
    '2022-01-31-preview',
    '2023-01-31',
    '2023-07-31-preview',
    '2024-11-30',
    '2025-01-31-preview',
  ],
  authorization: [
    '2015-07-01',
    '2017-10-01-preview',
    '2018-01-01-preview',
    '2018-07-01',
    '2018-09-01-preview',
    '2020-03-01-preview',
    '2020-04-01-preview',
    '2020-08-01-preview',
    '2020-10-01-preview',
    '2021-04-01-preview',
    '2022-04-01',
    '2022-05-01-preview',
  ],
  advisor: ['2020-01-01', '2022-10-01', '2023-01-01', '2025-01-01'],
} as const satisfies Record<string, readonly string[]>;

/** The latest of these that is no preview, which our own client sends. */
export function latestVersion(versions: readonly string[]): string {
  return versions.findLast((version) => !version.endsWith('-preview')) ?? versions.at(-1)!;
}

const versionPattern = /^20\d\d-\d\d-\d\d(?:-[a-z]{1,20})?$/;

/** Throws where the query has no version, or one that is not supported; the error names those that are. */
export function requireApiVersion(version: string | null, type: string, supported: readonly string[]): string {
  const list = supported.join(', ');
  if (version === null || version === '') {
    throw new ManagementError(
      'MissingApiVersionParameter',
      `the api-version query parameter (?api-version=) is required for all requests; supported are ${list}`,
    );
  }
  if (!versionPattern.test(version)) {
    throw new ManagementError(
      'InvalidApiVersionParameter',
      `the api-version is invalid; it is a date such as ${latestVersion(supported)}; supported are ${list}`,
    );
  }
  if (supported.includes(version)) return version;
  throw new ManagementError(
    'NoRegisteredProviderFound',
    `no registered resource provider found for type ${type} and API version ${version}; supported are ${list}`,
  );
}

/** For subscriptions and groups, which are the same in all versions. */
export function requireAnyApiVersion(version: string | null): void {
  requireApiVersion(
    version,
    'Microsoft.Resources',
    version !== null && versionPattern.test(version) ? [version] : ['2022-12-01'],
  );
}
