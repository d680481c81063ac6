import type { PropertiesOf } from '../operations/index.ts';
import type { Mirror, Resource } from '../resources/index.ts';
import { admissionExceptionType, admissionPolicyType } from './contract.ts';
import type { AdmissionException, Approver } from './exception.ts';
import { type AdmissionPolicy, registryQuarantine } from './policy.ts';

/*
 * Policies and exceptions as their resources have them. During a rolling upgrade a node reads what a newer one has written, of
 * which it may not understand all: a policy like that lets nothing out on this node, and an exception like that excuses nothing.
 */

/** A policy that holds, with its resource. */
export interface WrittenPolicy {
  resource: Resource;
  policy: AdmissionPolicy;
}

/** The policies of a registry that are enabled. */
export function policiesOf(mirror: Mirror, registryId: string): WrittenPolicy[] {
  return mirror.list(admissionPolicyType.type, registryId).flatMap((resource) => {
    const { policy, enabled } = readPolicy(resource);
    return enabled ? [{ resource, policy }] : [];
  });
}

/** The exceptions of a registry that can be read, with their resources. */
export function exceptionsOf(
  mirror: Mirror,
  registryId: string,
): { resource: Resource; exception: AdmissionException }[] {
  return mirror.list(admissionExceptionType.type, registryId).flatMap((resource) => {
    const exception = readException(resource);
    return exception ? [{ resource, exception }] : [];
  });
}

/** Those that cannot. */
export const unreadableExceptions = (mirror: Mirror, registryId: string): Resource[] =>
  mirror.list(admissionExceptionType.type, registryId).filter((resource) => readException(resource) === undefined);

/** A policy, enabled or not. */
export const readPolicy = keptByResource((resource) => {
  const read = admissionPolicyType.properties.safeParse(resource.properties).data;
  const properties = read ?? { ...strictest, ...readable(resource.properties) };
  const isUnderstood = read !== undefined && hasAllOf(read, resource.properties);
  const policy: AdmissionPolicy = {
    ...policyOf(resource.name, properties),
    ...(!isUnderstood && { unreadable: true }),
  };
  return { policy, enabled: properties.enabled };
});

/** An exception; undefined where another version wrote what this one does not understand. */
export const readException = keptByResource((resource) => {
  const read = admissionExceptionType.properties.safeParse(resource.properties).data;
  return read && hasAllOf(read, resource.properties) ? exceptionOf(resource, read) : undefined;
});

/** A policy as it is written. One that is disabled holds nothing. */
export function policyOf(name: string, properties: PropertiesOf<typeof admissionPolicyType>): AdmissionPolicy {
  const { description: _, enabled: __, ...rest } = properties;
  return { name, ...rest };
}

export function exceptionOf(
  resource: Resource,
  { expiresOn, ...rest }: PropertiesOf<typeof admissionExceptionType>,
): AdmissionException {
  const own = (resource.own ?? {}) as { requestedBy?: Approver; approvedBy?: Approver; approvedAt?: number };
  const unknown: Approver = { id: '', name: resource.createdBy };
  return {
    name: resource.name,
    ...rest,
    requestedBy: own.requestedBy ?? unknown,
    approvedBy: own.approvedBy ?? unknown,
    approvedAt: own.approvedAt ?? resource.createdAt,
    expiresAt: Date.parse(expiresOn),
  };
}

/** What holds of a policy that cannot be read: whatever of it can be is put in its place. */
const { name: _, byHand: __, ...base } = registryQuarantine;
const strictest = {
  ...base,
  repositories: ['*'],
  mode: 'enforce' as const,
  blobs: 'admitted' as const,
  signersMayRead: false,
  enabled: true,
};

/** Those properties of a policy that are understood by themselves. */
function readable(properties: Record<string, unknown>): Partial<PropertiesOf<typeof admissionPolicyType>> {
  return Object.fromEntries(
    Object.entries(admissionPolicyType.properties.shape).flatMap(([key, schema]) => {
      const { data } = schema.safeParse(properties[key]);
      return data === undefined ? [] : [[key, data]];
    }),
  );
}

/** Whether nothing that was written is lost in what was read of it. */
function hasAllOf(read: unknown, written: unknown): boolean {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return true;
  if (typeof read !== 'object' || read === null) return false;
  return Object.entries(written).every(([key, value]) => key in read && hasAllOf(read[key as never], value));
}

/** What is read of a resource once. */
function keptByResource<T>(read: (resource: Resource) => T): (resource: Resource) => T {
  const kept = new WeakMap<Resource, { value: T }>();
  return (resource) => {
    let known = kept.get(resource);
    if (!known) kept.set(resource, (known = { value: read(resource) }));
    return known.value;
  };
}
