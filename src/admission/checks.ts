import type { Check, Finding } from '../operations/index.ts';

const dayMs = 86_400_000;
/** From how long before its end on an exception is told of (ms), unless it lives shorter: then from the half of its life on. */
const soonMs = 14 * dayMs;
const verySoonMs = dayMs;
/** Of more nobody reads them one by one. */
const mostFindings = 20;

/** What the advisor looks at in the admission of a registry. */
export interface CheckedAdmission {
  registry: string;
  resourceId: string;
  exceptions: readonly { id: string; name: string; vulnerability: string; approvedAt: number; expiresAt: number }[];
  /** Names of the policies that there are. */
  policies: readonly string[];
  /** Policies that count on a catalogue which has never come. */
  blind: readonly { id: string; name: string; catalogues: readonly string[] }[];
  /** Patterns of repositories that nothing covers, by which those are meant whose name says that they are in production. */
  open: readonly string[];
  /** ms. */
  now: number;
}

/** A name that says what a policy is for, and that none has: a policy that there is must not be replaced by one that audits. */
function newName(pattern: string, taken: Set<string>): string {
  const name = pattern
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60);
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name.slice(0, 55)}-${n}`;
  taken.add(free);
  return free;
}

/** What speaks against how images are let out. */
export const admissionChecks: readonly Check<readonly CheckedAdmission[]>[] = [
  {
    id: 'production-without-policy',
    severity: 'medium',
    title: 'A production repository has no policy',
    why:
      'Whatever is pushed there runs, whatever is found in it. Begin with a policy that only says what it would refuse, see ' +
      'with bonded policy simulate what that is, and enforce it then.',
    look: (all) =>
      all.flatMap(({ registry, resourceId, open, policies }) => {
        const taken = new Set(policies.map((name) => name.toLowerCase()));
        return open.slice(0, mostFindings).map((pattern): Finding => {
          const name = newName(pattern, taken);
          return {
            resourceId,
            subject: pattern,
            problem: `No policy says what images of ${pattern} in the registry ${registry} have to be like`,
            commands: [
              [
                'bonded',
                'policy',
                'create',
                '--registry',
                registry,
                '--name',
                name,
                '--repository',
                pattern,
                '--mode',
                'audit',
                '--severity',
                'High',
              ],
            ],
          };
        });
      }),
  },
  {
    id: 'policy-without-catalogue',
    severity: 'medium',
    title: 'A policy counts on what is not known',
    why:
      'It refuses what is known to be exploited (KEV), or is likely to be (EPSS), and nobody has ever said what that is: such images ' +
      'are let out. Bring the catalogue (advisories.sources, or a bundle), or take the rule out of the policy.',
    look: (all) =>
      all.flatMap(({ registry, blind }) =>
        blind.slice(0, mostFindings).map(({ id, name, catalogues }) => ({
          resourceId: id,
          problem: `The policy ${name} of the registry ${registry} counts on ${catalogues.join(' and ')}, which this server has never had`,
          commands: [['bonded', 'advisories', 'sync']],
        })),
      ),
  },
  {
    id: 'exception-expiring',
    severity: 'medium',
    title: 'An exception ends soon',
    why:
      'What it lets out is denied from then on. Push images without the vulnerability before that, or have the exception ' +
      'approved anew, if it is right still.',
    look: (all) =>
      all.flatMap(({ registry, exceptions, now }) =>
        exceptions
          .filter(({ expiresAt, approvedAt }) => {
            return expiresAt > now && expiresAt - now <= Math.min(soonMs, (expiresAt - approvedAt) / 2);
          })
          .slice(0, mostFindings)
          .map(({ id, name, vulnerability, approvedAt, expiresAt }): Finding => {
            const days = Math.max(1, Math.ceil((expiresAt - approvedAt) / dayMs));
            return {
              resourceId: id,
              ...(expiresAt - now <= verySoonMs && { severity: 'high' as const }),
              problem: `The exception ${name} for ${vulnerability} in the registry ${registry} ends ${new Date(expiresAt).toISOString()}`,
              commands: [
                ['bonded', 'exception', 'update', '--registry', registry, '--name', name, '--expires', `${days}d`],
              ],
            };
          }),
      ),
  },
  {
    id: 'exception-expired',
    severity: 'low',
    title: 'An exception has ended',
    why: 'It lets nothing out any more. Take it away, so that whoever looks at what there is sees what counts.',
    look: (all) =>
      all.flatMap(({ registry, exceptions, now }) =>
        exceptions
          .filter(({ expiresAt }) => expiresAt <= now)
          .slice(0, mostFindings)
          .map(({ id, name, vulnerability, expiresAt }) => ({
            resourceId: id,
            problem: `The exception ${name} for ${vulnerability} in the registry ${registry} ended ${new Date(expiresAt).toISOString()}`,
            commands: [['bonded', 'exception', 'delete', '--registry', registry, '--name', name, '--yes']],
          })),
      ),
  },
];
