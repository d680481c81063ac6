import {
  type Admission,
  admissionActionHandlers,
  admissionExceptionType,
  admissionHandlers,
  admissionPolicyType,
  admissionType,
  exceptionHandlers,
  policyHandlers,
} from '../admission/index.ts';
import { decideManagement } from '../access/index.ts';
import type { Audit } from '../audit/index.ts';
import { bytesOf, type Catalog, registryUsage } from '../catalog/index.ts';
import { type Configuration, registriesOf } from '../configuration.ts';
import { RegistryError } from '../errors/index.ts';
import {
  type Asked,
  type Caller,
  credentialActions,
  explainHandlers,
  explainManagementAccess,
  dropPasswords,
  federatedCredentialHandlers,
  federatedCredentialType,
  type Gate,
  type GatedExchange,
  identityHandlers,
  identityType,
  mayManage,
  passGates,
  roleAssignmentHandlers,
  roleAssignmentType,
  roleDefinitionHandlers,
  roleDefinitionType,
  reportOn,
  rightsOf,
  scopeMapHandlers,
  scopeMapType,
  testToken,
  tokenHandlers,
  tokenType,
  trustedIssuerHandlers,
  trustedIssuerType,
} from '../identity/index.ts';
import {
  createManagement,
  isManagementPath,
  type LongAction,
  type Management,
  type ServedType,
} from '../management/index.ts';
import {
  connectionHandlers,
  connectionType,
  linkResourceHandlers,
  linkResourceType,
  presentNetwork,
} from '../network/index.ts';
import {
  checkName,
  checkNameAvailability,
  listOperations,
  manifestType,
  operationsOf,
  registryHandlers,
  registryType,
  repositoryType,
  tagType,
  viewHandlers,
} from '../registries/index.ts';
import { ensureHomeReplication, replicationHandlers, replicationType } from '../replication/index.ts';
import type { Resource } from '../resources/index.ts';
import { scanHandlers, scanningHandlers, scanningType, scanType } from '../scanning/index.ts';
import type { ThrottledCallers, UsageSources } from '../tiers/index.ts';
import type { Access } from './access.ts';
import { advisorType } from './advisor.ts';
import { about, endedIn } from './audit-trail.ts';
import { callerOf } from './gates.ts';
import { registryNamed } from './importing.ts';
import { isRefusedByNetwork, type NetworkGates } from './network-gates.ts';
import { providerActions, resourceTypes } from './resource-types.ts';
import { showStorage } from './show-storage.ts';
import { admitByTier, servedTiers, tierGatesOf } from './tier-admission.ts';

type Identified = GatedExchange & { principal: Caller };

/** The resources that this server manages, each with what it does to the rest. */
function servedTypes(
  config: Configuration,
  access: Access,
  throttled: ThrottledCallers,
  catalog: Catalog,
  admission: Admission,
  concerns: (exchange: object, id: string) => void,
  importImage: LongAction,
  advisories: ServedType,
): ServedType[] {
  const { mirror, directory, resources, identification } = access;
  const { passwords, now } = identification;
  const tierGates = tierGatesOf(access, usageSourcesOf(catalog, directory));
  const registries = registryHandlers({
    tierGates,
    configured: registriesOf(config).map(({ name }) => name),
    loginServer: (name, origin) => loginServerOf(config, name, origin),
  });
  const views = viewHandlers({ catalog, registryIdOf: (name) => registryNamed(directory(), name)?.id });
  const { domain, network } = config;
  const scanning = {
    catalog,
    now,
    registryIdOf: (name: string) => registryNamed(directory(), name)?.id,
  };
  const networks = {
    config: network,
    domain,
    resources,
    mirror,
    loginServer: (name: string, origin: string) => loginServerOf(config, name, origin),
  };
  const credentials = credentialActions({ mirror, resources, directory, passwords, now });
  const actions = {
    ...credentials,
    async generateCredentials(context: { exchange: object }, input: unknown, registry: Resource) {
      const made = await credentials.generateCredentials(context, input, registry);
      concerns(context.exchange, (input as { tokenId: string }).tokenId);
      return made;
    },
    explainAccess: explainHandlers(access).explainAccess,
    listUsages: (_: unknown, __: unknown, registry: Resource) => tierGates.listUsages(registry),
    checkTierChange: (_: unknown, input: unknown, registry: Resource) => tierGates.checkTierChange(input, registry),
    listStorage: (_: object, input: unknown, { id }: Resource) =>
      showStorage(catalog, access, id, input as { top: number }),
  };
  return [
    {
      type: registryType,
      handlers: {
        ...registries,
        present: (resource, context) => ({
          ...registries.present(resource, context),
          ...presentNetwork(networks, resource),
        }),
        actions,
        longActions: { importImage },
        async afterWrite(context, registry) {
          await registries.afterWrite(context, registry);
          await ensureHomeReplication(resources, registry, context.tx);
        },
        async afterDelete(context, gone) {
          await dropPasswords(context.tx, directory(), passwords, gone);
          await registries.afterDelete(context, gone);
        },
      },
    },
    { type: repositoryType, handlers: views.repositories },
    { type: tagType, handlers: views.tags },
    { type: manifestType, handlers: views.manifests },
    servedTiers(access),
    { type: identityType, handlers: identityHandlers },
    { type: federatedCredentialType, handlers: federatedCredentialHandlers({ mirror, directory }) },
    { type: roleDefinitionType, handlers: roleDefinitionHandlers({ mirror, directory }) },
    { type: roleAssignmentType, handlers: roleAssignmentHandlers({ mirror, directory }) },
    { type: scopeMapType, handlers: scopeMapHandlers() },
    { type: tokenType, handlers: tokenHandlers({ mirror, directory, passwords }) },
    { type: trustedIssuerType, handlers: trustedIssuerHandlers(() => directory().issuers) },
    { type: replicationType, handlers: replicationHandlers(resources) },
    { type: connectionType, handlers: connectionHandlers(networks) },
    { type: linkResourceType, handlers: linkResourceHandlers(networks) },
    advisories,
    ...admissionServed(config, access, catalog, admission),
    { type: scanType, handlers: scanHandlers(scanning) },
    { type: scanningType, handlers: scanningHandlers(scanning) },
    advisorType(config, access, catalog, throttled),
  ];
}

/** Policies, exceptions, and what they make of images. */
function admissionServed(config: Configuration, access: Access, catalog: Catalog, admission: Admission): ServedType[] {
  const { mirror, directory, resources, identification } = access;
  const whoOf = (principal: unknown) => {
    const { id, holder } = principal as Caller;
    return { id, name: holder.name };
  };
  const actions = admissionActionHandlers({
    ...admission,
    catalog,
    mirror,
    now: identification.now,
    registries: () => directory().registries,
    loginServer: (name, origin) => loginServerOf(config, name, origin),
  });
  return [
    { type: admissionPolicyType, handlers: policyHandlers },
    { type: admissionExceptionType, handlers: exceptionHandlers({ mirror, resources, whoOf }) },
    { type: admissionType, handlers: admissionHandlers({ mirror }, actions) },
  ];
}

/** What is known of registries elsewhere, for their usages. */
function usageSourcesOf(catalog: Catalog, directory: Access['directory']): UsageSources {
  return {
    async storage(name, reader) {
      const registry = registryNamed(directory(), name);
      return registry ? bytesOf(await registryUsage(catalog, registry.id, reader)) : 0;
    },
  };
}

/** Where clients of a registry log in: the default one where this request has come to. */
export function loginServerOf(config: Configuration, name: string, origin: string): string {
  const outer = new URL(config.publicUrl ?? origin);
  if (name.toLowerCase() === registriesOf(config)[0]!.name) return outer.host;
  return `${name.toLowerCase()}.${config.domain}${outer.port && `:${outer.port}`}`;
}

/** The management API with its gates: who asks, what they may do, and the record of it (design §3). */
export function createManagementEdge(
  config: Configuration,
  access: Access,
  {
    gates,
    network,
    throttled,
    audit,
    catalog,
    admission,
    carriesOut,
    importImage,
    advisories,
    failed,
  }: {
    gates: readonly Gate[];
    network: NetworkGates;
    throttled: ThrottledCallers;
    audit: Audit;
    catalog: Catalog;
    admission: Admission;
    carriesOut: boolean;
    importImage: LongAction;
    advisories: ServedType;
    failed: (error: unknown) => void;
  },
): Pick<Management, 'renderError' | 'takeUp' | 'stop'> & {
  handle(exchange: GatedExchange): Promise<Response | undefined>;
} {
  const { directory, mirror, operations, resources, identification } = access;
  const asked = new WeakMap<object, { action: string; id: string }>();
  /** What an action was about beside the resource that it is an action of. */
  const concerned = new WeakMap<object, string>();
  const management = createManagement({
    types: servedTypes(
      config,
      access,
      throttled,
      catalog,
      admission,
      (exchange, id) => concerned.set(exchange, id),
      importImage,
      advisories,
    ),
    providerActions: [
      {
        action: checkNameAvailability,
        handle: ({ origin }, input) => checkName(mirror, input, (name) => loginServerOf(config, name, origin)),
      },
      { action: listOperations, handle: () => operationsOf(resourceTypes, providerActions) },
      {
        action: explainManagementAccess,
        handle(context, input) {
          // What is assigned in a registry is told where that may be managed from.
          const { exchange, principal } = context;
          network.allowTarget(exchange as Identified, principal as Caller, (input as { scope: string }).scope);
          return explainHandlers(access).explainManagement(context, input);
        },
      },
      {
        action: testToken,
        handle: (_, input) => reportOn((input as { token: string }).token, directory(), identification.federation),
      },
    ],
    resources,
    operations,
    authorise(exchange, action, id) {
      asked.set(exchange, { action, id });
      const caller = exchange.principal as Caller;
      network.allowTarget(exchange as Identified, caller, id);
      const { principal } = rightsOf(caller, directory());
      if (!principal || !mayManage(caller)) return false;
      const { allow, by } = decideManagement(directory().policy, principal, action, id);
      if (by !== undefined) directory().used(by);
      return allow;
    },
    shows: (exchange, id) => network.shows(exchange as Identified, exchange.principal as Caller, id),
    describe: (principal) => (principal as Caller).holder.name,
    admit: admitByTier(access),
    refresh: access.refresh,
    originOf: (exchange) => (exchange as Identified).origin(),
    failed,
    carriesOut,
    ended: endedIn(audit),
    sealer: access.keys.sealer,
    now: identification.now,
  });

  return {
    renderError: management.renderError,
    takeUp: management.takeUp,
    stop: management.stop,
    async handle(exchange) {
      if (!isManagementPath(exchange.path)) return undefined;
      exchange.action = 'management';
      await passGates(gates, exchange, asksToManage);
      const caller = callerOf(exchange.caller);
      // A client builds on what it has just written, and that may have been by another process.
      await access.refresh();
      const identified: Identified = Object.assign(exchange, { principal: caller });
      const record = (outcome: 'allowed' | 'denied', reason?: string, status?: number) => {
        const { action = 'management', id } = asked.get(identified) ?? {};
        const detail = { status, concerns: concerned.get(identified) };
        audit.record({ ...about(exchange, caller), action, target: id, outcome, reason, detail });
      };
      try {
        const answer = await management.handle(identified);
        if (answer) record('allowed', undefined, answer.status);
        return answer;
      } catch (error) {
        const status = error instanceof RegistryError ? error.status : 500;
        const isNetwork = error instanceof RegistryError && isRefusedByNetwork(error);
        // The gate has recorded that.
        if (!isNetwork)
          record(status === 403 ? 'denied' : 'allowed', status === 403 ? 'not_allowed' : 'failed', status);
        throw error;
      }
    },
  };
}

/** Nobody passes who shows nothing; what they may do is asked once it is known what they want. */
const asksToManage: Asked = {
  needs: {
    permissions: [],
    repository: undefined,
    challenge: { type: 'registry', name: 'management', action: '*' },
  },
  isBase: true,
  finishes: false,
};
