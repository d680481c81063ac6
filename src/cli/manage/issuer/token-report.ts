import type { TokenReport } from '../../../identity/index.ts';
import { shown, table } from '../../output/index.ts';
import { shortIds } from '../short-ids.ts';

/** What would become of a token, for people. */
export function tokenReported(report: TokenReport): string {
  return [
    shown(report.message),
    ...report.notes.map((note) => `Note: ${shown(note)}`),
    ...section(
      'Checks',
      report.checks.map(({ check, outcome, message = '' }) => ({ Check: check, Outcome: outcome, Why: message })),
    ),
    ...section(report.verified ? 'Claims' : 'Claims, as the token says: nobody vouches for them', claimsOf(report)),
    ...section(
      'Federated credentials of its issuer',
      report.credentials.map(({ identity, id, matches, chosen, message }) => ({
        Identity: identity,
        Credential: id.slice(id.lastIndexOf('/') + 1),
        Matches: chosen ? 'yes, chosen' : matches ? 'yes' : 'no',
        Why: message,
      })),
    ),
    ...section(
      'Role assignments',
      report.assignments.map(({ role, scope, condition = '' }) => ({
        Role: role,
        Scope: shortIds(scope),
        Condition: condition === '' ? '' : 'yes',
      })),
    ),
    ...section(
      'What it may do',
      report.registries.flatMap(({ name, permissions }) =>
        permissions.map(({ permission, reach }) => ({
          Registry: name,
          Permission: permission,
          Repositories: permission === 'catalog/read' ? '' : reach,
        })),
      ),
    ),
  ].join('\n');
}

function claimsOf({ claims, claimsLeftOut }: TokenReport): Record<string, string>[] {
  const rows = claims.map(({ name, value }) => ({ Claim: name, Value: value }));
  return claimsLeftOut === 0 ? rows : [...rows, { Claim: '…', Value: `${claimsLeftOut} more` }];
}

function section(title: string, rows: readonly Record<string, string>[]): string[] {
  return rows.length === 0 ? [] : ['', `${title}:`, table(rows)];
}
