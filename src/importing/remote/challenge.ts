/** What a registry wants to be shown (RFC 9110 §11.6.1; distribution "token authentication"). */
export type Challenge = { scheme: 'basic' } | { scheme: 'bearer'; realm: string; service?: string; scope?: string };

const longest = 8192;
const parameter = /\s*,?\s*([A-Za-z0-9_-]{1,64})\s*=\s*(?:"((?:[^"\\]|\\.){0,2048})"|([^\s",]{1,2048}))/y;
const beginning = /^\s*(basic|bearer)(?:\s+|$)/i;

/** Reads a `WWW-Authenticate`; undefined where it asks for something that is not known here. */
export function parseChallenge(header: string | null): Challenge | undefined {
  if (header === null || header.length > longest) return undefined;
  const scheme = beginning.exec(header);
  if (!scheme) return undefined;
  if (scheme[1]!.toLowerCase() === 'basic') return { scheme: 'basic' };
  const parameters = new Map<string, string>();
  parameter.lastIndex = scheme[0].length;
  for (let match = parameter.exec(header); match; match = parameter.exec(header)) {
    const name = match[1]!.toLowerCase();
    if (!parameters.has(name)) parameters.set(name, match[3] ?? match[2]!.replaceAll(/\\(.)/g, '$1'));
  }
  const realm = parameters.get('realm');
  if (realm === undefined) return undefined;
  const [service, scope] = [parameters.get('service'), parameters.get('scope')];
  return {
    scheme: 'bearer',
    realm,
    ...(service !== undefined && { service }),
    ...(scope !== undefined && { scope }),
  };
}
