import { textClaim } from '../claim-value.ts';
import { isExact, pinnedPart, type Preset } from './preset.ts';

/**
 * Jobs of GitLab CI with `id_tokens` (docs.gitlab.com/ci/secrets/id_token_authentication). `sub` is
 * `project_path:GROUP/PROJECT:ref_type:branch:ref:NAME`. In the pipeline of a merge request from a fork the claims name the
 * fork.
 */
export const gitlab: Preset = {
  title: 'GitLab CI',
  parameters: {
    issuer: {
      description: 'URL of the GitLab instance.',
      pattern: /^https:\/\/[^\s@#?]{1,300}$/,
      default: 'https://gitlab.com',
    },
  },
  // GitLab has no audience by default: the job names it.
  defaults: ({ issuer = '' }) => ({ issuer, audiences: [], maxTokenLifetimeSeconds: 86_400 }),
  subjectClaim: 'sub',
  groupsClaim: 'groups_direct',
  lacksGroups: () => false,
  describe(claims) {
    const project = textClaim(claims, 'project_path') ?? textClaim(claims, 'sub') ?? '';
    const where = textClaim(claims, 'environment') ?? textClaim(claims, 'ref');
    return { name: where === undefined ? project : `${project} (${where})`, kind: 'job' };
  },
  claims: [
    { claim: 'sub', description: 'Project with the kind and the name of its ref.', trust: 'reusable' },
    { claim: 'namespace_id', description: 'Number of the group or user; never used again.', trust: 'stable' },
    { claim: 'project_id', description: 'Number of the project; never used again.', trust: 'stable' },
    { claim: 'project_path', description: 'Path, which may pass to another project.', trust: 'reusable' },
    { claim: 'ref', description: 'Branch or tag.', trust: 'reusable' },
    { claim: 'ref_type', description: '`branch` or `tag`.', trust: 'stable' },
    { claim: 'ref_protected', description: '`true` where only some may push.', trust: 'stable' },
    { claim: 'environment', description: 'Environment that the job deploys to.', trust: 'reusable' },
    { claim: 'environment_protected', description: '`true` where only some may deploy.', trust: 'stable' },
    { claim: 'user_login', description: 'Who began the pipeline; a name that may pass to another.', trust: 'chosen' },
    { claim: 'user_email', description: 'Their address, which they may change.', trust: 'chosen' },
  ],
  review(pattern) {
    const numbered = ['project_id', 'namespace_id'].some((name) => isExact(pattern, name));
    const named =
      /^project_path:[^/*]+\//.test(pinnedPart(pattern, 'sub')) ||
      /^[^/*]+\//.test(pinnedPart(pattern, 'project_path'));
    if (!numbered && !named) {
      return [
        { severity: 'high', why: 'leaves the project open: any project of the instance fits; give namespace_id' },
      ];
    }
    const bounded =
      ['ref', 'ref_protected', 'environment', 'environment_protected'].some((name) => isExact(pattern, name)) ||
      isExact(pattern, 'sub');
    return [
      ...(numbered
        ? []
        : [{ severity: 'low' as const, why: 'paths may pass to another project; give project_id, too' }]),
      ...(bounded
        ? []
        : [{ severity: 'medium' as const, why: 'leaves the ref open: any branch fits; give ref_protected' }]),
    ];
  },
};
