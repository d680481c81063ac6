import type { OsvEvent, OsvRange } from '../osv.ts';

/**
 * What is vulnerable, as trivy-db's advisories of languages say it: each text is one or more ranges (`||`), whose bounds follow
 * each other (`>=1.0, <1.2.3`). As ranges and single versions of OSV. `>a` becomes from a on: OSV has no open lower bound, and
 * one version too many is better than one too few. What cannot be read is left out.
 */
export function rangesOf(texts: readonly string[]): { ranges: OsvRange[]; versions: string[] } {
  const ranges: OsvRange[] = [];
  const versions: string[] = [];
  for (const text of texts.flatMap((one) => one.split('||'))) {
    const bounds = [...text.matchAll(/(>=|<=|==?|>|<)?\s*([^\s,<>=|]+)/g)].map(
      ([, sign = '=', version]) => [sign, version!] as const,
    );
    if (bounds.length === 0) continue;
    const exact = bounds.find(([sign]) => sign.startsWith('='));
    if (exact) {
      if (bounds.length === 1 && /^[A-Za-z0-9]/.test(exact[1])) versions.push(exact[1]);
      continue;
    }
    const lower = bounds.find(([sign]) => sign.startsWith('>'))?.[1] ?? '0';
    const upper = bounds.find(([sign]) => sign.startsWith('<'));
    const events: OsvEvent[] = [{ introduced: lower }];
    if (upper) events.push(upper[0] === '<' ? { fixed: upper[1] } : { last_affected: upper[1] });
    ranges.push({ type: 'ECOSYSTEM', events });
  }
  return { ranges, versions };
}
