import { z } from 'zod';
import { type AttributeChange, changeAttributes, type Repository, type Subject } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import { type Attributes, type Exchange, askerOf } from './exchange.ts';

/** Largest body (bytes), and longest reason and owner (characters). */
const largestBody = 16 * 1024;
const longestReason = 512;
const longestOwner = 256;
/** Of what a scanner says (characters). */
const longestDetails = 8 * 1024;

/** ISO 8601 with a date, a time and a zone, as every client of ACR writes times. */
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

const ability = z.boolean('must be true or false').optional();

const body = z.strictObject({
  deleteEnabled: ability,
  writeEnabled: ability,
  listEnabled: ability,
  readEnabled: ability,
  lockReason: z
    .string('must be text')
    .max(longestReason, `has at most ${longestReason} characters`)
    .regex(/^\P{Cc}*$/u, 'must be one line')
    .nullish(),
  lockExpiresOn: z.string('must be a time').regex(isoTime, 'must be a time such as 2027-01-31T18:00:00Z').nullish(),
});

/**
 * Changes `changeableAttributes` (acr §3.2) as the body of the request says, which has any of them and of ours. Once this
 * resolves, the change holds everywhere. Throws BAD_REQUEST that names the first field that is none.
 */
export async function changeAsAsked(
  { catalog }: Pick<Attributes, 'catalog'>,
  exchange: Exchange,
  repository: Repository,
  subject: Subject,
): Promise<void> {
  const change = readChange(jsonOf(await exchange.bytes(largestBody)), catalog.now());
  await applyChange({ catalog }, exchange, repository, subject, change);
}

async function applyChange(
  { catalog }: Pick<Attributes, 'catalog'>,
  exchange: Exchange,
  repository: Repository,
  subject: Subject,
  change: AttributeChange,
): Promise<void> {
  // An issuer may call people anything.
  const owner = askerOf(exchange)
    .name.replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, longestOwner);
  await changeAttributes(catalog, repository, subject, change, owner);
}

/**
 * The same for a manifest, whose attributes also say whether it is in quarantine (acr §4.5). Who may change the one need not
 * be able to change the other.
 */
export async function changeManifest(
  attributes: Attributes,
  exchange: Exchange,
  repository: Repository,
  digest: Digest,
): Promise<void> {
  const json = jsonOf(await exchange.bytes(largestBody));
  const { quarantineState, quarantineDetails, ...rest } = json;
  const change = readQuarantine({ quarantineState, quarantineDetails });
  const readRest = Object.keys(rest).length > 0 || !change;
  const others = readRest ? readChange(rest, attributes.catalog.now()) : undefined;
  if (others) attributes.quarantine.requireAttributes(exchange, repository.name);
  if (change) await attributes.quarantine.change(exchange, repository, digest, change);
  if (others) await applyChange(attributes, exchange, repository, { kind: 'manifest', name: digest }, others);
}

const quarantine = z.object({
  quarantineState: z.enum(['Quarantined', 'Passed', 'Failed'], 'must be Passed, Failed or Quarantined').optional(),
  quarantineDetails: z
    .string('must be text')
    .max(longestDetails, `has at most ${longestDetails} characters`)
    .refine(isJsonObject, 'must be a JSON object in text, with scanner, state, link and result')
    .optional(),
});

function readQuarantine(fields: Record<string, unknown>) {
  const asked = quarantine.safeParse(fields);
  if (!asked.success) {
    const [issue] = asked.error.issues;
    throw refused(`${issue!.path.join('.')} ${issue!.message}`, issue!.path.join('.'));
  }
  const { quarantineState: state, quarantineDetails: details } = asked.data;
  if (state === undefined && details === undefined) return undefined;
  return { ...(state !== undefined && { state }), ...(details !== undefined && { details }) };
}

function isJsonObject(text: string): boolean {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** Reads the body. `now`: ms. */
export function readChange(json: Record<string, unknown>, now: number): AttributeChange {
  const asked = body.safeParse(requireKnown(json));
  if (!asked.success) {
    const [issue] = asked.error.issues;
    throw refused(`${issue!.path.join('.') || 'the body'} ${issue!.message}`, issue!.path.join('.'));
  }
  const { lockReason, lockExpiresOn, ...abilities } = asked.data;
  const change: AttributeChange = Object.fromEntries(Object.entries(abilities).filter(([, is]) => is !== undefined));
  if (lockReason !== undefined) change.reason = lockReason || null;
  if (lockExpiresOn !== undefined) change.expiresAt = lockExpiresOn === null ? null : timeOf(lockExpiresOn, now);
  return change;
}

function jsonOf(bytes: Uint8Array): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw refused('the body must be JSON');
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw refused('the body must be an object of attributes');
}

/** Says of what it is that we know and do not take. */
function requireKnown(json: Record<string, unknown>): Record<string, unknown> {
  for (const field of Object.keys(json)) {
    if (field === 'quarantineState' || field === 'quarantineDetails')
      throw refused(`${field} is of manifests alone: name one by its digest`, field);
    if (field === 'lockOwner') throw refused('lockOwner is who sets the lock, and cannot be chosen', field);
    if (!Object.hasOwn(body.shape, field)) {
      const known = Object.keys(body.shape).join(', ');
      throw refused(`${JSON.stringify(field.slice(0, 64))} is no attribute; there are ${known}`, field);
    }
  }
  return json;
}

function timeOf(text: string, now: number): number {
  const at = Date.parse(text);
  // Date takes the 31st of February for the 3rd of March.
  if (Number.isNaN(at) || new Date(text.slice(0, 10)).getUTCDate() !== Number(text.slice(8, 10)))
    throw refused('lockExpiresOn is no time that there is', 'lockExpiresOn');
  if (at <= now) throw refused('lockExpiresOn must lie in the future', 'lockExpiresOn');
  return at;
}

function refused(message: string, field?: string): RegistryError {
  return new RegistryError('BAD_REQUEST', { message, ...(field && { detail: { field: field.slice(0, 64) } }) });
}
