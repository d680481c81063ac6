import { textClaim } from '../claim-value.ts';
import type { ClaimPattern } from '../match-pattern.ts';
import { isExact, type PatternFinding, pinnedPart, type Preset } from './preset.ts';

const publicIssuer = 'https://token.actions.githubusercontent.com';

/**
 * GitHub Actions (docs.github.com/actions/reference/security/oidc). `sub` is `repo:OWNER/NAME:…`, and of repositories made
 * or renamed since July 2026 `repo:OWNER@ID/NAME@ID:…`, where `…` is `ref:refs/heads/…`, `ref:refs/tags/…`, `environment:…`
 * or `pull_request`; an organisation may change it.
 */
export const github: Preset = {
  title: 'GitHub Actions',
  parameters: {
    owner: {
      description: 'Organisation or user; without an audience of its own a job asks for a token for its URL.',
      pattern: /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/,
      optional: true,
    },
    enterprise: {
      description: 'Slug, where the enterprise has an issuer of its own.',
      pattern: /^[a-z0-9-]{1,60}$/,
      optional: true,
    },
    host: { description: 'Host name of a GitHub Enterprise Server.', pattern: /^[a-z0-9.-]{1,253}$/, optional: true },
  },
  defaults: ({ owner, enterprise, host }) => ({
    issuer:
      host === undefined ? [publicIssuer, enterprise].filter(Boolean).join('/') : `https://${host}/_services/token`,
    audiences: owner === undefined ? [] : [`https://${host ?? 'github.com'}/${owner}`],
    // They live for minutes.
    maxTokenLifetimeSeconds: 3600,
  }),
  subjectClaim: 'sub',
  groupsClaim: 'groups',
  lacksGroups: () => false,
  describe(claims) {
    const repository = textClaim(claims, 'repository') ?? textClaim(claims, 'sub') ?? '';
    const environment = textClaim(claims, 'environment');
    const where = environment ?? textClaim(claims, 'ref')?.replace(/^refs\/(?:heads|tags)\//, '');
    return { name: where === undefined ? repository : `${repository} (${where})`, kind: 'workflow' };
  },
  claims: [
    { claim: 'sub', description: 'Repository with branch, tag, environment or pull_request.', trust: 'reusable' },
    { claim: 'repository_owner_id', description: 'Number of the owner; never used again.', trust: 'stable' },
    { claim: 'repository_id', description: 'Number of the repository; never used again.', trust: 'stable' },
    { claim: 'repository_owner', description: 'Name of the owner, which may pass to another.', trust: 'reusable' },
    { claim: 'repository', description: '`OWNER/NAME`, which may pass to another.', trust: 'reusable' },
    { claim: 'environment', description: 'Environment, with its protection rules.', trust: 'reusable' },
    { claim: 'ref', description: '`refs/heads/…` or `refs/tags/…`.', trust: 'reusable' },
    { claim: 'ref_protected', description: 'Whether the branch is protected.', trust: 'stable' },
    { claim: 'job_workflow_ref', description: 'The reusable workflow that the job runs.', trust: 'reusable' },
    { claim: 'event_name', description: 'What began the run.', trust: 'stable' },
    { claim: 'runner_environment', description: '`github-hosted` or `self-hosted`.', trust: 'stable' },
    { claim: 'actor', description: 'Who began the run; a name that may pass to another.', trust: 'chosen' },
    { claim: 'head_ref', description: 'Branch of a pull request, named by its author.', trust: 'chosen' },
  ],
  review(pattern) {
    const owner = reviewOwner(pattern);
    const states = ['environment', 'ref', 'job_workflow_ref', 'event_name'];
    const bounded = states.some((name) => isExact(pattern, name)) || isSubjectBounded(pattern);
    if (bounded || owner.some(({ severity }) => severity === 'high')) return owner;
    const why = 'leaves branch and environment open: any branch, and pull requests, fit';
    return [...owner, { severity: 'medium', why }];
  },
};

/** Whether it is said which branches, tags or environments; a pull request may come from anybody. */
function isSubjectBounded(pattern: ClaimPattern): boolean {
  const subject = pinnedPart(pattern, 'sub');
  if (isExact(pattern, 'sub')) return !subject.endsWith(':pull_request');
  return /^repo:[^:*]+:(?:ref:refs\/(?:heads|tags)\/[^*]|environment:[^*])/.test(subject);
}

/** All of GitHub has one issuer, so that an owner that is left open is the whole world. */
function reviewOwner(pattern: ClaimPattern): PatternFinding[] {
  const subject = pinnedPart(pattern, 'sub');
  const numbers = ['repository_owner_id', 'repository_id', 'enterprise_id'];
  if (numbers.some((name) => isExact(pattern, name)) || /^repo:[^/*]+@[0-9]+\//.test(subject)) return [];
  // As an organisation may compose it.
  const composed = /^(?:repository_owner_id|repository_id|enterprise_id):[0-9]+(:|$)/.exec(subject);
  if (composed && (composed[1] === ':' || isExact(pattern, 'sub'))) return [];
  // Not by job_workflow_ref: repositories of others may call a workflow that is public.
  const named =
    /^repo:[^/*]+\//.test(subject) ||
    isExact(pattern, 'repository_owner') ||
    /^[^/*]+\//.test(pinnedPart(pattern, 'repository'));
  const open = 'leaves the owner open: any repository on GitHub fits; give repository_owner_id';
  if (!named) return [{ severity: 'high', why: open }];
  return [{ severity: 'low', why: 'names may pass to another owner; give repository_owner_id or repository_id, too' }];
}
