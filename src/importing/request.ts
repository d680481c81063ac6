import { armKey, groupScope, ManagementError, parseArmId } from '../operations/index.ts';
import { type ImportInput, registryType } from '../registries/index.ts';
import type { ImportSecret } from './config.ts';
import { type ImageName, type ImportTarget, parseSourceImage, targetsOf } from './image-name.ts';

/** What an import is to do. It lies in the facts as JSON, and names no credentials but a secret of the configuration. */
export interface ImportOrder {
  source: ImageName & ({ kind: 'here'; registry: string } | { kind: 'elsewhere'; origin: string; secret?: string });
  targets: ImportTarget[];
  force: boolean;
  /** Who asked for it, for whoever decides what they may pull. */
  caller: unknown;
}

/** A user name and password that came with the request, as JSON. */
export interface GivenCredentials {
  username: string;
  password: string;
}

/** Reads the body of a request: what is wrong in itself. InvalidRequestContent. */
export function readImportRequest(
  input: ImportInput,
  { secrets, caller }: { secrets: readonly ImportSecret[]; caller: unknown },
): { order: ImportOrder; credentials: GivenCredentials | undefined } {
  const { resourceId, registryUri, credentials } = input.source;
  if ((resourceId === undefined) === (registryUri === undefined)) {
    throw bad('source', 'must have one of resourceId and registryUri');
  }
  const named = parseSourceImage(input.source.sourceImage);
  const targets = targetsOf(named, input.targetTags ?? [], input.untaggedTargetRepositories ?? []);
  const rest = { targets, force: input.mode === 'Force', caller };
  if (resourceId !== undefined) {
    if (credentials) throw bad('source.credentials', 'are for registryUri; a registry of this server asks who you are');
    const source = { ...named, kind: 'here', registry: registryNameOf(resourceId) } as const;
    return { order: { source, ...rest }, credentials: undefined };
  }
  const { origin, image } = placeOf(registryUri!, named);
  const { username = '', password, secret } = credentials ?? {};
  if (secret !== undefined && (password !== undefined || username !== '')) {
    throw bad('source.credentials', 'must have a secret, or a username and a password');
  }
  if (credentials && secret === undefined && password === undefined) {
    throw bad('source.credentials.password', 'is missing; give a password, or the name of a secret');
  }
  if (secret !== undefined) requireSecret(secrets, secret, origin);
  const source = { ...image, kind: 'elsewhere', origin, ...(secret !== undefined && { secret }) } as const;
  return {
    order: { source, ...rest },
    credentials: password === undefined ? undefined : { username, password },
  };
}

/** The secret of a name for a registry: a secret goes nowhere but where it was configured for. */
export function requireSecret(secrets: readonly ImportSecret[], name: string, origin: string): ImportSecret {
  const found = secrets.find((secret) => secret.name === name);
  if (found && placeOf(found.registry).origin === origin) return found;
  throw bad('source.credentials.secret', `must be one that import.secrets has for ${new URL(origin).host}`);
}

/** One of this server: gates look at the id, so it has to be the one by which they know the registry. */
function registryNameOf(resourceId: string): string {
  const arm = parseArmId(resourceId);
  if (arm?.type.toLowerCase() === registryType.type.toLowerCase()) {
    if (arm.key === armKey(`${groupScope}/providers/${registryType.type}/${encodeURIComponent(arm.name)}`))
      return arm.name;
    throw bad('source.resourceId', `must lie in ${groupScope}, the one group that this server has`);
  }
  throw bad('source.resourceId', 'must be the resource id of a registry');
}

const dockerHub = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']);

/** Scheme, host and port of a registry. Docker Hub has another host than its name, and a namespace for what is without one. */
export function placeOf(uri: string, image?: ImageName): { origin: string; image: ImageName } {
  const text = uri.replace(/\/$/, '');
  const whole = /^https?:\/\//i.test(text) ? text : `https://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  const isBare = url && whole.toLowerCase() === `${url.protocol}//${url.host}`;
  // Ports that go without saying are left out by whoever parses a URL.
  const isDefault = url && /^(?:https:\/\/.+:443|http:\/\/.+:80)$/i.test(whole);
  if (!url || (!isBare && !isDefault))
    throw bad('source.registryUri', 'must be the host of a registry, such as ghcr.io');
  const named = image ?? { repository: '', reference: { tag: '' } };
  if (!dockerHub.has(url.host)) return { origin: url.origin, image: named };
  const { repository } = named;
  const full = repository.includes('/') ? repository : `library/${repository}`;
  return { origin: 'https://registry-1.docker.io', image: { ...named, repository: full } };
}

function bad(target: string, says: string): ManagementError {
  return new ManagementError('InvalidRequestContent', `${target} ${says}`, { target });
}
