import type { Transaction } from '../database/index.ts';
import { bareEtag, ManagementError, parseArmId } from '../operations/index.ts';
import { builtInResource, type Mirror, type Resource, type ResourceBody, type Resources } from '../resources/index.ts';
import { admissionExceptionType, admissionPolicyType, admissionType } from './contract.ts';
import { type Approver, lastDayOf } from './exception.ts';
import type { AdmissionPolicy } from './policy.ts';
import { mayMeet } from './repositories.ts';
import { exceptionOf, policiesOf, readException, readPolicy } from './written-rules.ts';

const dayMs = 86_400_000;

interface Context {
  id: string;
  principal: unknown;
  /** Current time (ms). */
  now: number;
}

export interface AdmissionHandlerOptions {
  mirror: Mirror;
  resources: Resources;
  /** Who asks, as the server has authenticated them. */
  whoOf(principal: unknown): Approver;
}

/** The policies of a registry that may have to do with some repositories. */
const policiesFor = (mirror: Mirror, registryId: string, repositories: readonly string[]): AdmissionPolicy[] =>
  policiesOf(mirror, registryId)
    .map(({ policy }) => policy)
    .filter((policy) => mayMeet(policy.repositories, repositories));

/** Exceptions: who wrote and who approved them is who was authenticated, never what a client says. */
export function exceptionHandlers({ mirror, resources, whoOf }: AdmissionHandlerOptions) {
  return {
    beforeWrite({ id, principal, now }: Context, next: ResourceBody, previous: Resource | undefined): ResourceBody {
      if (previous && !readException(previous)) throw tooNew('exception');
      const properties = next.properties as { repositories: string[]; expiresOn: string };
      const expiresAt = Date.parse(properties.expiresOn);
      if (expiresAt <= now) invalid('properties.expiresOn', 'must lie in the future');
      const policies = policiesFor(mirror, parseArmId(id)!.parent!, properties.repositories);
      const shortest = policies.toSorted((a, b) => a.exceptions.maxDays - b.exceptions.maxDays)[0];
      if (shortest && expiresAt > now + shortest.exceptions.maxDays * dayMs) {
        const latest = new Date(now + shortest.exceptions.maxDays * dayMs).toISOString();
        const says = `the policy ${shortest.name} lets exceptions count ${shortest.exceptions.maxDays} days: ${latest}`;
        invalid('properties.expiresOn', `is too late: ${says} at the latest`);
      }
      // Whoever changes what it says has to have it approved anew.
      if (previous && JSON.stringify(previous.properties) === JSON.stringify(next.properties)) return next;
      const author = whoOf(principal);
      return { ...next, own: { requestedBy: author, approvedBy: author, approvedAt: now } };
    },
    present(resource: Resource, { now }: { now: number }) {
      const understood = readException(resource);
      // Of one that is not understood nothing is said but what this server has added.
      const exception = understood ?? exceptionOf(resource, resource.properties as never);
      const { requestedBy, approvedBy, approvedAt, expiresAt, repositories } = exception;
      const policies = understood ? policiesFor(mirror, parseArmId(resource.id)!.parent!, repositories) : [];
      const waits = requestedBy.id === approvedBy.id && policies.some((policy) => policy.exceptions.fourEyes);
      // It may end before it says: no policy lets it count longer than that has it.
      const isOver =
        expiresAt <= now || (policies.length > 0 && policies.every((policy) => lastDayOf(exception, policy) <= now));
      return {
        state: !understood ? 'Unreadable' : isOver ? 'Expired' : waits ? 'AwaitingApproval' : 'Active',
        requestedBy: requestedBy.name,
        approvedBy: waits ? '' : approvedBy.name,
        approvedOn: waits ? '' : new Date(approvedAt).toISOString(),
      };
    },
    actions: {
      async approve({ principal, now }: Context, input: unknown, { id }: Resource) {
        const { etag } = input as { etag?: string };
        const by = whoOf(principal);
        await resources.db.write(async (tx: Transaction) => {
          await resources.lock(tx);
          await resources.patch(
            id,
            (previous) => {
              const { requestedBy } = (previous.own ?? {}) as { requestedBy?: Approver };
              if (requestedBy?.id === by.id) {
                throw new ManagementError(
                  'Conflict',
                  'whoever wrote an exception cannot approve it; somebody else has to',
                );
              }
              return { ...previous, own: { ...previous.own, approvedBy: by, approvedAt: now } };
            },
            { by: by.name, tx, ifMatch: etag === undefined ? undefined : [bareEtag(etag)] },
          );
        });
        return { approvedBy: by.name, approvedOn: new Date(now).toISOString() };
      },
    },
  };
}

/** Policies have nothing to say that their schema does not, and lose nothing that it does not know. */
export const policyHandlers = {
  beforeWrite(_: Context, next: ResourceBody, previous: Resource | undefined): ResourceBody {
    if (previous && readPolicy(previous).policy.unreadable) throw tooNew('policy');
    return next;
  },
};

/** Whatever is written here, it would be without what only the other version knows. */
const tooNew = (what: string) =>
  new ManagementError(
    'Conflict',
    `a newer version wrote this ${what}, and this node does not understand all of it; change it by a node of that version, or delete it and create it anew`,
  );

/** The admission of a registry: it exists with its registry, and nobody writes it. */
export function admissionHandlers(
  { mirror }: Pick<AdmissionHandlerOptions, 'mirror'>,
  actions: Record<
    'explain' | 'simulate' | 'exportExceptions',
    (context: never, input: never, resource: Resource) => unknown
  >,
) {
  const of = (registryId: string) => [builtInResource(`${registryId}/admission/default`, {})];
  return {
    builtIns({ id }: { id: string }) {
      const arm = parseArmId(id);
      return arm?.type.toLowerCase() === admissionType.type.toLowerCase() ? of(arm.parent!) : of(id);
    },
    present({ id }: Resource, { now }: { now: number }) {
      const registry = parseArmId(id)!.parent!;
      const policies = mirror.list(admissionPolicyType.type, registry);
      const exceptions = mirror.list(admissionExceptionType.type, registry);
      return {
        policies: policies.filter(({ properties }) => properties['enabled'] !== false).length,
        exceptions: exceptions.filter(({ properties }) => Date.parse(String(properties['expiresOn'])) > now).length,
      };
    },
    actions: actions as Record<string, (context: unknown, input: unknown, resource: Resource) => unknown>,
  };
}

function invalid(target: string, says: string): never {
  throw new ManagementError('InvalidRequestContent', `${target} ${says}`, { target });
}
