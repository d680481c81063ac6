import type { Proof, ProofRequest, Surroundings } from './proof.ts';
import { fieldOf } from './read-answer.ts';

/** What tokens are for where nobody says otherwise: what federated credentials expect by default. */
export const defaultAudience = 'bonded';

/** A job of GitHub Actions with `permissions: id-token: write` (docs.github.com/actions/reference/security/oidc). */
export async function githubProof(
  { audience = defaultAudience }: ProofRequest,
  { environment, call }: Surroundings,
): Promise<Proof | undefined> {
  const url = URL.parse(environment['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '');
  const bearer = environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
  if (!url || !bearer) {
    if (environment['GITHUB_ACTIONS'] !== 'true') return undefined;
    throw new Error('the job may not ask GitHub for a token; give it `permissions: id-token: write`');
  }
  url.searchParams.set('audience', audience);
  const answer = await call(url.href, { headers: { authorization: `Bearer ${bearer}`, accept: 'application/json' } });
  const token = await fieldOf(answer, 'value', 'GitHub Actions');
  return { token, who: `a job of ${environment['GITHUB_REPOSITORY'] ?? 'GitHub Actions'}` };
}

/** A job of GitLab CI with `id_tokens: BONDED_ID_TOKEN` (docs.gitlab.com/ci/secrets/id_token_authentication). */
export async function gitlabProof(_: ProofRequest, { environment }: Surroundings): Promise<Proof | undefined> {
  const token = environment['BONDED_ID_TOKEN']?.trim();
  if (!token) return undefined;
  const project = environment['CI_PROJECT_PATH'];
  return { token, who: project === undefined ? 'whoever BONDED_ID_TOKEN is of' : `a job of ${project}` };
}
