import { z } from 'zod';
import { apiVersions, resourceType } from '../operations/index.ts';
import { parsePurl, severities } from '../packages/index.ts';
import { admissionActions, repositoryPattern } from './actions-contract.ts';
import { fixStates } from './evidence.ts';
import { justifications, vexStatuses } from './exception.ts';
import { blobModes, policyModes, tagModes } from './policy.ts';

const repositories = z
  .array(repositoryPattern)
  .min(1)
  .max(100)
  .refine((patterns) => patterns.some((one) => !one.startsWith('!')), {
    message: 'must name what is meant, not only what is not',
  })
  .describe('Repositories, `PREFIX/*`, or `*`. What begins with `!` is taken away again.');

const choice = z.enum(['allow', 'deny']);
const days = z.number().positive().max(3650);

const policySeverity = z.enum(
  severities.filter((one) => one !== 'Unknown') as ['Negligible', 'Low', 'Medium', 'High', 'Critical'],
);

const name = { pattern: /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/, says: '1 to 64 letters, digits, ., - and _' };

/** What images of some repositories have to be like before they are let out (supply §9, §17). */
export const admissionPolicyType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'registries/admissionPolicies',
  description:
    'What images of some repositories have to be like. All policies that cover a repository hold: an image is denied where ' +
    'any that is enforced refuses it.',
  name,
  apiVersions: apiVersions.containerRegistry,
  properties: z.object({
    description: z.string().max(1024).optional(),
    repositories,
    mode: z
      .enum(policyModes)
      .describe(
        '`enforce`: pulls are denied. `quarantine`: a push is held until it passes. `audit`: only says what would be denied.',
      ),
    enabled: z.boolean().default(true),
    tagMode: z
      .enum(tagModes)
      .default('hold-previous')
      .describe(
        'In quarantine, what a tag leads to: to where it led last that was admitted, or to nothing, as in ACR.',
      ),
    blobs: z
      .enum(blobModes)
      .default('open')
      .describe(
        'Which blobs may be read: all, since nobody can guess a digest, or those alone that an image has which is let out. ' +
          'It holds where the policy enforces or quarantines.',
      ),
    severity: policySeverity.optional().describe('The least severity that is refused.'),
    unknownSeverity: choice
      .default('allow')
      .describe('What becomes of a finding that nobody says a severity of, where `severity` asks for one.'),
    epss: z.number().min(0).max(1).optional().describe('Probability of EPSS from which on a finding is refused.'),
    fixableOnly: z.boolean().default(false).describe('Severity and EPSS count only where there is a fix.'),
    graceDays: z
      .number()
      .min(0)
      .max(3650)
      .default(0)
      .describe('Severity and EPSS count only so many days after a finding was first seen.'),
    knownExploited: z
      .boolean()
      .default(true)
      .describe('What is known to be exploited (CISA KEV) is refused at once, whatever its severity.'),
    malicious: z.boolean().default(true).describe('Malicious packages are refused at once.'),
    osEndOfLife: z.boolean().default(false).describe('A distribution without updates is refused.'),
    osLongTermSupport: z
      .boolean()
      .default(true)
      .describe("Whether updates count that others than the distribution's own team make, such as Debian's LTS."),
    maxScanAgeDays: days.optional().describe('The last scan must not be older.'),
    maxAdvisoryAgeHours: z.number().positive().max(87_600).optional().describe('Nor the advisories that it used.'),
    maxBaseImageAgeDays: days.optional().describe('The base image, where it is known, must not be older.'),
    unscanned: choice.default('deny').describe('What has not been scanned yet.'),
    partial: choice.default('allow').describe('What could be scanned in part.'),
    failed: choice.default('deny').describe('What could not be scanned.'),
    unsupported: choice.default('allow').describe('What is nothing that can be scanned, such as a chart.'),
    waitSeconds: z
      .int()
      .min(0)
      .max(60)
      .default(0)
      .describe('How long a pull waits for the scan of an image that has none.'),
    scanDeadlineHours: z
      .number()
      .positive()
      .max(8760)
      .default(24)
      .describe(
        'How long an image may wait for its first scan. After that nothing waits for it any more: `unscanned` says what becomes of it.',
      ),
    signersMayRead: z
      .boolean()
      .default(true)
      .describe(
        'Whether who may push or sign in the repository may pull what is refused. Who may read quarantine always may.',
      ),
    exceptions: z
      .object({
        maxDays: z.int().min(1).max(3650).default(90).describe('Longest that an exception counts here.'),
        fourEyes: z
          .boolean()
          .default(false)
          .describe('Whether an exception counts only once somebody else than its author has approved it.'),
      })
      .prefault({}),
  }),
  most: 200,
});

/** A vulnerability that does not count for a while, somewhere. */
export const admissionExceptionType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'registries/admissionExceptions',
  description: 'A vulnerability that policies overlook, in some repositories, images or packages, until it expires.',
  name,
  apiVersions: apiVersions.containerRegistry,
  properties: z
    .object({
      vulnerability: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9:._-]{2,127}$/, 'must be the id of a vulnerability, such as CVE-2026-1234')
        .describe('Its id, or any other name that advisories have for it.'),
      repositories,
      digests: z
        .array(z.string().regex(/^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/, 'must be a digest'))
        .max(100)
        .default([])
        .describe('Images, or indexes and so all that they list. All, where there is none.'),
      packages: z
        .array(
          z
            .string()
            .max(512)
            .refine((text) => parsePurl(text) !== undefined, 'must be a package URL, such as pkg:deb/debian/openssl'),
        )
        .max(100)
        .default([])
        .describe('Package URLs; without version any version, without qualifiers any. All, where there is none.'),
      fixStates: z.array(z.enum(fixStates)).max(fixStates.length).default([]).describe('Only while it has such a fix.'),
      status: z.enum(vexStatuses).default('under_investigation').describe('As in OpenVEX.'),
      justification: z.enum(justifications).optional().describe('Of what is not affected.'),
      statement: z
        .string()
        .max(2048)
        .optional()
        .describe('Why: the impact of what is not affected, else what is done about it.'),
      ticket: z.string().max(256).optional(),
      expiresOn: z.iso
        .datetime({ offset: true })
        .describe('When it ends. No policy lets it count longer than that says.'),
    })
    .superRefine(({ status, justification, statement }, context) => {
      if (status === 'not_affected' && justification === undefined && statement === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['justification'],
          message: 'is missing: not_affected needs one, or a statement',
        });
      }
      if (status === 'affected' && statement === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['statement'],
          message: 'is missing: affected needs one, on what is done about it',
        });
      }
      if (status !== 'not_affected' && justification !== undefined) {
        context.addIssue({ code: 'custom', path: ['justification'], message: 'is of what is not_affected alone' });
      }
    }),
  readOnly: z.object({
    state: z
      .enum(['Active', 'AwaitingApproval', 'Expired', 'Unreadable'])
      .describe('`Unreadable`: a newer version wrote it, and it excuses nothing on this node.'),
    requestedBy: z.string(),
    approvedBy: z.string(),
    approvedOn: z.string(),
  }),
  actions: { approve: admissionActions.approve },
  most: 10_000,
});

/** The admission of a registry as a whole: it is there always, and is asked. */
export const admissionType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'registries/admission',
  description:
    'What is let out of a registry: why an image is, what a policy would change, and the exceptions as OpenVEX.',
  name: { pattern: /^default$/, says: 'the one value default' },
  apiVersions: apiVersions.containerRegistry,
  verbs: ['get', 'list'],
  properties: z.object({}),
  readOnly: z.object({
    policies: z.int().describe('How many there are that hold.'),
    exceptions: z.int().describe('How many there are that have not expired.'),
  }),
  actions: {
    explain: admissionActions.explain,
    simulate: admissionActions.simulate,
    exportExceptions: admissionActions.exportExceptions,
  },
});

export const admissionTypes = [admissionPolicyType, admissionExceptionType, admissionType] as const;
