import { ManagementClientError } from '../../operations/index.ts';
import { registryPlace, repositoryOf } from '../content/index.ts';
import type { Context } from '../context.ts';
import { messageOf } from '../failure.ts';
import type { Login, Place } from '../find-login.ts';
import { checkLogin, checkRepository, checkToken } from './access.ts';
import { checkCertificate, checkChallenge, checkName, checkReadiness } from './connectivity.ts';
import { failed, type Finding, skipped } from './finding.ts';
import { checkPrograms } from './programs.ts';

export interface HealthQuestion {
  server?: string | undefined;
  registry?: string | undefined;
  repositories: readonly string[];
  /** Go on after a failure. */
  ignoreErrors: boolean;
}

/**
 * Looks at everything between here and an image: programs, name, certificate, challenge, clocks, the server itself, tokens,
 * repositories. Findings come in order, as soon as they are known; after the first failure the rest is left out, unless they
 * are to go on.
 */
export async function* checkHealth(context: Context, question: HealthQuestion): AsyncGenerator<Finding, void> {
  const { ignoreErrors } = question;
  for await (const findings of steps(context, question)) {
    yield* findings;
    if (!ignoreErrors && findings.some(({ outcome }) => outcome === 'failed')) return;
  }
}

async function* steps(context: Context, question: HealthQuestion): AsyncGenerator<Finding[], void> {
  const { server, registry } = question;
  const repositories = question.repositories.map((name) => repositoryOf('--repository', name));
  yield await checkPrograms(context.environment);
  let place: Place;
  try {
    place = await registryPlace(context, { server, registry });
  } catch (error) {
    const fix = 'check its name (bonded acr list), or name its login server';
    const message = error instanceof ManagementClientError ? messageOf(error) : (error as Error).message;
    yield [failed('login server', 'LOGIN_SERVER_ERROR', message, fix)];
    return;
  }
  yield [await checkName(place)];
  yield [await checkCertificate(place)];
  yield await checkChallenge(place);
  yield [await checkReadiness(place)];
  const [finding, login] = await checkLogin(context, place);
  yield [finding];
  if (login) yield* accessSteps(login, repositories);
  else yield ['access token', ...repositories.map((name) => `repository ${name}`)].map(notAsked);
}

async function* accessSteps(login: Login, repositories: readonly string[]): AsyncGenerator<Finding[], void> {
  yield [await checkToken(login)];
  for (const repository of repositories) yield [await checkRepository(login, repository)];
}

const notAsked = (check: string) => skipped(check, 'without a login it cannot be asked');
