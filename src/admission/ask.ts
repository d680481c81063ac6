import { listVisibleRepositories } from '../catalog/index.ts';
import { ManagementError, parseArmId } from '../operations/index.ts';
import type { Resource } from '../resources/index.ts';
import { explainImage, type ExplainOptions } from './explain.ts';
import { openVex } from './openvex.ts';
import { covers } from './repositories.ts';
import { type AdmissionRegistry, rulesOf } from './rules.ts';
import { simulate, type SimulateInput, type SimulateOptions } from './simulate.ts';

/** Repositories that an export names. */
const mostRepositories = 10_000;
const page = 1000;

export interface AskOptions extends ExplainOptions, SimulateOptions {
  registries(): readonly AdmissionRegistry[];
  /** Where clients of a registry log in. */
  loginServer(name: string, origin: string): string;
}

/** The actions of the admission of a registry. */
export function admissionActionHandlers(options: AskOptions) {
  function registryOf({ id }: Resource): AdmissionRegistry {
    const name = parseArmId(parseArmId(id)!.parent!)!.name.toLowerCase();
    const registry = options.registries().find((one) => one.name.toLowerCase() === name);
    if (registry) return registry;
    throw new ManagementError('NotFound', 'the registry is not there', { target: id });
  }

  async function repositoriesOf({ id }: AdmissionRegistry): Promise<string[]> {
    const everything = { seesAll: true, maySee: () => true };
    const names: string[] = [];
    for (let last = ''; names.length < mostRepositories;) {
      const some = await listVisibleRepositories(options.catalog, id, everything, { last, limit: page });
      names.push(...some);
      if (some.length < page) break;
      last = some.at(-1)!;
    }
    return names;
  }

  return {
    explain: (_: unknown, input: { repository: string; reference: string }, resource: Resource) =>
      explainImage(options, registryOf(resource).id, input),
    simulate: (_: unknown, input: SimulateInput, resource: Resource) => simulate(options, registryOf(resource), input),
    async exportExceptions({ origin, now }: { origin: string; now: number }, _: unknown, resource: Resource) {
      const registry = registryOf(resource);
      // They are told of whether there is a policy or not.
      const exceptions = rulesOf(options.mirror, { ...registry, quarantines: true })?.exceptions ?? [];
      const host = options.loginServer(registry.name, origin);
      const names = await repositoriesOf(registry);
      const statements = exceptions
        .filter(({ expiresAt }) => expiresAt > now)
        .map((exception) => ({
          exception,
          products: names
            .filter((name) => covers(exception.repositories, name))
            .map((repository) => ({ host, repository })),
        }));
      return openVex(statements, host, host);
    },
  };
}
