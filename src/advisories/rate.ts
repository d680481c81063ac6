import type { Severity } from '../packages/index.ts';
import type { OsvAffected, OsvRecord } from './osv.ts';
export function rate(
  _e: string,
  _: readonly { record: OsvRecord; entry: OsvAffected | undefined }[],
): { severity: Severity; severitySource: string; cvss: { source: string; vector: string; score: number }[] } {
  return { severity: 'Unknown', severitySource: '', cvss: [] };
}
