export { registryType } from './contract.ts';
export { ensureRegistryResource, registryId } from './ensure.ts';
export { factsOf, type RegistryFacts } from './facts.ts';
