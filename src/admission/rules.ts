import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Mirror } from '../resources/index.ts';
import type { AdmissionException } from './exception.ts';
import { type AdmissionPolicy, registryQuarantine } from './policy.ts';
import { covers } from './repositories.ts';
import { exceptionsOf, policiesOf, unreadableExceptions } from './written-rules.ts';

/** A registry, as far as admission goes. */
export interface AdmissionRegistry {
  /** In the catalog. */
  id: number;
  name: string;
  /** ARM id. */
  resourceId: string;
  /** Whether ACR's quarantine policy is on. */
  quarantines: boolean;
}

/** What holds in one repository. */
export interface RepositoryRules {
  repository: string;
  policies: readonly AdmissionPolicy[];
  exceptions: readonly AdmissionException[];
  /** Says all of it: a verdict by other rules has another one. */
  revision: string;
  /** Whether anything but auditing goes on. */
  enforces: boolean;
  quarantines: boolean;
  /** Whether tags may lead elsewhere than to what they name. */
  holdsPrevious: boolean;
  /** Whether blobs are let out with images alone that are. */
  guardsBlobs: boolean;
  /** Whether this version knows all that policies ask for; if not, another node decides, and nothing is let out here. */
  isUnderstood: boolean;
}

/** What holds in a registry. */
export interface RegistryRules {
  registry: AdmissionRegistry;
  policies: readonly AdmissionPolicy[];
  exceptions: readonly AdmissionException[];
  /** Of all of it. */
  revision: string;
  isUnderstood: boolean;
  /** Whether it knows all that exceptions excuse, too; if not, another node may let out more, and is to do the work for all. */
  isWhole: boolean;
  /** Undefined where no policy covers it. */
  of(repository: string): RepositoryRules | undefined;
}

/** Rules that are kept of repositories of one registry. */
const keptRepositories = 10_000;

/** The rules of a registry; undefined where it has none. Made once for as long as they say the same. */
export function rulesOf(mirror: Mirror, registry: AdmissionRegistry): RegistryRules | undefined {
  const policies = policiesOf(mirror, registry.resourceId).map(({ resource, policy }) => {
    // Nodes that understand it and those that do not each believe their own verdicts alone.
    return { mark: policy.unreadable ? `${resource.etag} unreadable` : resource.etag, policy };
  });
  if (registry.quarantines) policies.unshift({ mark: 'on', policy: registryQuarantine });
  if (policies.length === 0) return undefined;
  const exceptions = exceptionsOf(mirror, registry.resourceId).map(({ resource, exception }) => {
    return { mark: `${resource.key} ${resource.etag}`, exception };
  });
  const isUnderstood = !policies.some(({ policy }) => policy.unreadable);
  const tooNew = unreadableExceptions(mirror, registry.resourceId);
  const repositories = new LRUCache<string, RepositoryRules | typeof none>({ max: keptRepositories });

  function read(repository: string): RepositoryRules | typeof none {
    const holding = policies.filter(({ policy }) => covers(policy.repositories, repository));
    if (holding.length === 0) return none;
    const counting = exceptions.filter(({ exception }) => covers(exception.repositories, repository));
    const own = holding.map(({ policy }) => policy);
    return {
      repository,
      policies: own,
      exceptions: counting.map(({ exception }) => exception),
      revision: revisionOf([
        ...holding.map(({ policy, mark }) => `${policy.name} ${mark}`),
        ...counting.map(({ mark }) => mark),
      ]),
      enforces: own.some(({ mode }) => mode !== 'audit'),
      quarantines: own.some(({ mode }) => mode === 'quarantine'),
      holdsPrevious: own.some(({ mode, tagMode }) => mode === 'quarantine' && tagMode === 'hold-previous'),
      guardsBlobs: own.some(({ mode, blobs }) => mode !== 'audit' && blobs === 'admitted'),
      isUnderstood: !own.some(({ unreadable }) => unreadable),
    };
  }

  return {
    registry,
    policies: policies.map(({ policy }) => policy),
    exceptions: exceptions.map(({ exception }) => exception),
    isUnderstood,
    isWhole: isUnderstood && tooNew.length === 0,
    revision: revisionOf([
      ...policies.map(({ policy, mark }) => `${policy.name} ${mark}`),
      ...exceptions.map(({ mark }) => mark),
      ...tooNew.map(({ key, etag }) => `${key} ${etag} unreadable`),
    ]),
    of(repository) {
      let known = repositories.get(repository);
      if (!known) repositories.set(repository, (known = read(repository)));
      return known === none ? undefined : known;
    },
  };
}

const none = Symbol('no policy covers it');

const revisionOf = (marks: readonly string[]) =>
  createHash('sha256').update(JSON.stringify(marks.toSorted())).digest('base64url').slice(0, 22);

/** The rules of all registries, in memory: what no policy covers costs a look-up in a map. */
export interface AdmissionRules {
  of(registryId: number, repository: string): RepositoryRules | undefined;
  registry(registryId: number): RegistryRules | undefined;
  /** Those of registries that have any. */
  all(): readonly RegistryRules[];
}

/** `registries` is asked for the list each time; while it is the same list, nothing has changed. */
export function createRules(mirror: Mirror, registries: () => readonly AdmissionRegistry[]): AdmissionRules {
  let seen: readonly AdmissionRegistry[] | undefined;
  let held = new Map<number, RegistryRules>();
  const current = () => {
    const now = registries();
    if (now === seen) return held;
    const next = new Map<number, RegistryRules>();
    for (const registry of now) {
      const rules = rulesOf(mirror, registry);
      const before = held.get(registry.id);
      // What says the same keeps what is known of its repositories.
      if (rules) next.set(registry.id, before?.revision === rules.revision ? before : rules);
    }
    seen = now;
    return (held = next);
  };
  return {
    of: (registryId, repository) => current().get(registryId)?.of(repository),
    registry: (registryId) => current().get(registryId),
    all: () => [...current().values()],
  };
}
