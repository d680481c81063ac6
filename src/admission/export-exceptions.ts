import { type Catalog, repositoryPages } from '../catalog/index.ts';
import { ManagementError } from '../operations/index.ts';
import type { Mirror } from '../resources/index.ts';
import { type AdmissionException, countsUntil } from './exception.ts';
import { openVex, type VexStatement } from './openvex.ts';
import { covers } from './repositories.ts';
import type { AdmissionRegistry } from './rules.ts';
import { exceptionsOf, policiesOf } from './written-rules.ts';

/** Repositories that a document may be of. */
const mostRepositories = 10_000;
/** Products of all statements of a document together; each is about 150 bytes. */
const mostProducts = 100_000;
/** Repositories that exceptions are compared with before others have their turn. */
const comparedAtOnce = 20_000;

export interface ExportOptions {
  catalog: Catalog;
  mirror: Mirror;
}

/**
 * The exceptions that count now as an OpenVEX document, of those repositories that a pattern covers. What a policy of a repository
 * does not let count there, such as what nobody else has approved, says nothing of it. InvalidRequestContent where that is too
 * much for one document.
 */
export async function exportExceptions(
  { catalog, mirror }: ExportOptions,
  registry: AdmissionRegistry,
  { host, pattern, now }: { host: string; pattern: string | undefined; now: number },
): Promise<Record<string, unknown>> {
  // They are told of whether there is a policy or not.
  const exceptions = exceptionsOf(mirror, registry.resourceId)
    .map(({ exception }) => exception)
    .filter(({ expiresAt }) => expiresAt > now);
  const policies = policiesOf(mirror, registry.resourceId).map(({ policy }) => policy);
  const concerned = mayConcern(exceptions);
  const isWanted = (name: string) => concerned(name) && (pattern === undefined || covers([pattern], name));
  const repositories = (await repositoriesOf(catalog, registry, isWanted)).map((name) => ({
    name,
    policies: policies.filter((policy) => covers(policy.repositories, name)),
  }));
  const statements: VexStatement[] = [];
  let products = 0;
  let compared = 0;
  for (const exception of exceptions) {
    const counting = repositories.filter(({ name, policies: own }) => {
      return covers(exception.repositories, name) && own.every((policy) => countsUntil(exception, policy) > now);
    });
    products += counting.length * Math.max(1, exception.digests.length);
    if (products > mostProducts) throw tooMuch();
    statements.push(statementOf(exception, counting, host));
    compared += repositories.length;
    if (compared < comparedAtOnce) continue;
    compared = 0;
    await new Promise(setImmediate);
  }
  return openVex(statements, host, host);
}

const statementOf = (exception: AdmissionException, counting: readonly { name: string }[], host: string) => ({
  exception,
  products: counting.map(({ name }) => ({ host, repository: name })),
});

const tooMuch = () =>
  new ManagementError(
    'InvalidRequestContent',
    `a document is of ${mostRepositories.toLocaleString('en-US')} repositories at most, and names ${mostProducts.toLocaleString('en-US')} repositories and images together; ask for those of some repositories, such as prod/*`,
    { target: 'repository' },
  );

/** Whether any exception may be about a repository; there are 10,000 of them. */
function mayConcern(exceptions: readonly AdmissionException[]): (name: string) => boolean {
  const named = new Set(exceptions.flatMap((one) => one.repositories.filter((pattern) => !pattern.startsWith('!'))));
  const wide = [...named].filter((pattern) => pattern.endsWith('*'));
  return (name) => named.has(name) || covers(wide, name);
}

/** Those that the document is of: what is not named in it would be taken for what no exception covers. */
async function repositoriesOf(
  catalog: Catalog,
  { id }: AdmissionRegistry,
  isWanted: (name: string) => boolean,
): Promise<string[]> {
  const names: string[] = [];
  for await (const some of repositoryPages(catalog, id)) {
    names.push(...some.filter(isWanted));
    if (names.length > mostRepositories) throw tooMuch();
  }
  return names;
}
