/** How bad a vulnerability is, from what is not known to what is worst. */
export const severities = ['Unknown', 'Negligible', 'Low', 'Medium', 'High', 'Critical'] as const;

export type Severity = (typeof severities)[number];

const places: Readonly<Record<Severity, number>> = {
  Unknown: 0,
  Negligible: 1,
  Low: 2,
  Medium: 3,
  High: 4,
  Critical: 5,
};

/** Place among all severities: 0 for Unknown, 5 for Critical. A ceiling is a comparison of two of them. */
export function severityRank(severity: Severity): number {
  return places[severity];
}

/** The worse of two. */
export function worseSeverity(a: Severity, b: Severity): Severity {
  return places[a] >= places[b] ? a : b;
}

export function isSeverity(value: unknown): value is Severity {
  return typeof value === 'string' && Object.hasOwn(places, value);
}
