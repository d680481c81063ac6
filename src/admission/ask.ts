import { ManagementError, parseArmId } from '../operations/index.ts';
import type { Resource } from '../resources/index.ts';
import { explainImage, type ExplainOptions } from './explain.ts';
import { exportExceptions } from './export-exceptions.ts';
import type { AdmissionRegistry } from './rules.ts';
import { simulate, type SimulateInput, type SimulateOptions } from './simulate.ts';

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

  return {
    explain: (_: unknown, input: { repository: string; reference: string }, resource: Resource) =>
      explainImage(options, registryOf(resource).id, input),
    simulate: (_: unknown, input: SimulateInput, resource: Resource) => simulate(options, registryOf(resource), input),
    exportExceptions(
      { origin, now }: { origin: string; now: number },
      { repository: pattern }: { repository?: string | undefined },
      resource: Resource,
    ) {
      const registry = registryOf(resource);
      return exportExceptions(options, registry, { host: options.loginServer(registry.name, origin), pattern, now });
    },
  };
}
