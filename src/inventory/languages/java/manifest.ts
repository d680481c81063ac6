import { linesOf } from '../decode-text.ts';

/** Attributes of the main section of `META-INF/MANIFEST.MF`, by their names in lower case. A line of 72 bytes goes on in the next. */
export function readManifest(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  let open: string | undefined;
  for (const line of linesOf(text)) {
    if (line === '') {
      if (attributes.size > 0) break;
      continue;
    }
    if (line.startsWith(' ')) {
      const value = open === undefined ? undefined : attributes.get(open);
      if (open !== undefined && value !== undefined && value.length < 4_096)
        attributes.set(open, value + line.slice(1));
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0 || attributes.size >= 1_000) continue;
    open = line.slice(0, colon).toLowerCase();
    attributes.set(open, line.slice(colon + 1).trimStart());
  }
  return attributes;
}

/** A `.properties` file as Maven writes `pom.properties`: no line of it goes on in the next. */
export function readProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of linesOf(text)) {
    const match = /^\s*([^#!\s=:][^\s=:]*)\s*[=:]\s*(.*)$/.exec(line);
    if (match && properties.size < 100) properties.set(match[1]!, match[2]!.trim());
  }
  return properties;
}
