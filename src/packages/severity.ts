/** How bad a vulnerability is, from the least: the words of Clair, which registries show. */
export const severities = ['Unknown', 'Negligible', 'Low', 'Medium', 'High', 'Critical'] as const;

export type Severity = (typeof severities)[number];

/** Greater is worse. */
export function severityRank(severity: Severity): number {
  return severities.indexOf(severity);
}
