/** Values of metrics by their names: `AV` is `N`. */
export type Metrics = ReadonlyMap<string, string>;

/** Longest vector that is read; CVSS 4.0 with all its metrics has some 200 characters. */
const longest = 400;

/**
 * Reads `AV:N/AC:L/…`. `required` and `optional` say which letters each metric may have. Undefined for a vector that lacks a
 * metric, has one twice, or has what its version does not know.
 */
export function readMetrics(
  text: string,
  required: Readonly<Record<string, string>>,
  optional: Readonly<Record<string, string>>,
): Metrics | undefined {
  if (text.length > longest) return undefined;
  const found = new Map<string, string>();
  for (const part of text.split('/')) {
    const [name, value, more] = part.split(':');
    if (!name || !value || more !== undefined || found.has(name)) return undefined;
    const values = valuesOf(required, name) ?? valuesOf(optional, name);
    if (!values?.split(' ').includes(value)) return undefined;
    found.set(name, value);
  }
  return Object.keys(required).every((name) => found.has(name)) ? found : undefined;
}

function valuesOf(of: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}
