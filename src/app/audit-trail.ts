import { isSearch } from '../acr/index.ts';
import type { Audit, AuditEntry } from '../audit/index.ts';
import { isOverLimit } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Caller, GatedExchange } from '../identity/index.ts';
import type { Oauth2Options } from '../oauth2/index.ts';
import type { ManagementOptions } from '../management/index.ts';
import { callerOf, type GateOptions } from './gates.ts';
import type { ThrottleGateOptions } from './throttle-gates.ts';

const longestField = 512;

/** What every record says of a request and of who sent it. */
export function about(
  exchange: { address(): string; requestId: string; registryId: number },
  caller: Caller | undefined,
): Omit<AuditEntry, 'action' | 'outcome'> {
  return {
    actor: caller?.id,
    actorName: caller?.holder.name,
    identityKind: caller?.kind,
    tokenId: caller?.tokenId,
    address: exchange.address(),
    requestId: exchange.requestId,
    registryId: exchange.registryId,
  };
}

/** What all requests have in common that become one record of a caller. Neither actions nor addresses have a space in them. */
export function alikeOf(
  exchange: { address(): string; registryId: number },
  what: string,
  target: string | undefined,
): string {
  return `${exchange.registryId} ${exchange.address()} ${what} ${target ?? ''}`;
}

/** Records what the gates refuse. To be asked for credentials is no refusal: every client is, before it shows some. */
export function refusalsTo(audit: Audit): GateOptions['refused'] {
  return (exchange, { caller, reason, needs }) => {
    if (reason === 'no_credentials') return;
    const action = exchange.action ?? 'access';
    audit.record({ ...about(exchange, caller), action, outcome: 'denied', reason, target: needs?.challenge.name });
  };
}

/** Records who was turned away for asking too often: within a second, for there is too much of it to write each one. */
export function throttledTo(audit: Audit): ThrottleGateOptions['refused'] {
  return (exchange, reason, caller, error) => {
    const { action = 'token', repository: target } = exchange;
    const { category, level } = (error instanceof RegistryError ? error.detail : {}) as Record<string, unknown>;
    const alike = alikeOf(exchange, `${reason} ${action}`, target);
    audit.note(caller, alike, () => {
      return { ...about(exchange, caller), action, outcome: 'denied', reason, target, detail: { category, level } };
    });
  };
}

/** Records which tokens are given out, and which not. Many are given out at a time, and each answer waits for its record. */
export function tokensTo(audit: Audit): Pick<Oauth2Options, 'refused' | 'granted'> {
  return {
    refused(exchange, { action, caller, refusal }) {
      audit.record({ ...about(exchange, caller), action, outcome: 'denied', reason: refusal.reason });
    },
    granted(exchange, { action, caller, issued, asked, granted }) {
      const scopes = { asked: asked?.slice(0, longestField), granted: granted?.slice(0, longestField) };
      const entry = { ...about(exchange, caller), action, outcome: 'allowed', detail: { issued, ...scopes } } as const;
      return audit.recordTogether(entry);
    },
  };
}

/** Records what the gates let pass and the catalog refused: what is locked, a tag that may not move, what is too much. */
export function recordRefused(audit: Audit, exchange: GatedExchange, error: unknown): void {
  const { action, repository, path, caller } = exchange;
  if (!(error instanceof RegistryError) || action === undefined || !caller) return;
  const reason = reasonOf(error);
  // The gate of the network has recorded that itself.
  if (reason === undefined || reason === 'network') return;
  const detail = { path: path.slice(0, longestField), ...numbersOf(error), ...decisionOf(error) };
  audit.record({ ...about(exchange, callerOf(caller)), action, outcome: 'denied', reason, target: repository, detail });
}

/** What a storage limit is about, in bytes. */
function numbersOf(error: RegistryError) {
  if (!isOverLimit(error)) return {};
  const { level, used, limit, needed } = error.detail;
  return { level, used, limit, needed };
}

/** By which decision of admission it was refused, and what that was about. */
function decisionOf({ detail }: RegistryError) {
  const { decision, digest, blob } = (detail ?? {}) as { decision?: unknown; digest?: unknown; blob?: unknown };
  return typeof decision === 'string' ? { decision, digest, ...(blob !== undefined && { blob }) } : {};
}

function reasonOf({ code, detail }: RegistryError): string | undefined {
  if (code === 'REGISTRY_DISALLOWED_OPERATION') return 'locked';
  const { reason } = (detail ?? {}) as { reason?: unknown };
  const says = code === 'DENIED' || code === 'MANIFEST_UNKNOWN';
  return says && typeof reason === 'string' ? reason : undefined;
}

/** Actions that change something, whatever their answer is. */
const changes: ReadonlySet<string> = new Set(['delete', 'update', 'undelete', 'restore', 'purge']);

/** Records what was done: what changed something now, what only read within a second. */
export function recordDone(audit: Audit, exchange: GatedExchange, { status }: Response): void {
  const { action, repository, path, method, route } = exchange;
  if (action === undefined || action === 'metadata' || !exchange.caller) return;
  const caller = callerOf(exchange.caller);
  const entry = (): AuditEntry => {
    const detail = { path: path.slice(0, longestField) };
    return { ...about(exchange, caller), action, outcome: 'allowed', target: repository, detail };
  };
  if (method === 'GET' || method === 'HEAD' || isSearch(route)) {
    // Whoever reads how far an upload has come has read nothing.
    if (action !== 'push') audit.note(caller, alikeOf(exchange, action, repository), entry);
  } else if (changes.has(action) || status === 201) {
    audit.record(entry());
  }
}

/** Records how what takes longer than a request has ended: its request was recorded when it began. */
export function endedIn(audit: Audit): NonNullable<ManagementOptions['ended']> {
  return ({ operation, id, action, by, status, error }) =>
    audit.record({
      action,
      outcome: 'allowed',
      reason: error && 'failed',
      actor: undefined,
      actorName: by,
      identityKind: undefined,
      tokenId: undefined,
      address: '',
      requestId: operation,
      registryId: 0,
      target: id,
      detail: {
        operation,
        ended: status,
        ...(error && { code: error.code, message: error.message.slice(0, longestField) }),
      },
    });
}
