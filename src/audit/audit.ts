import type { Log } from '../telemetry/index.ts';

/** Who did what, from where, and what became of it. */
export interface AuditEntry {
  /** Such as `pull`, `push`, `token.issue`, or an action of the management API. */
  action: string;
  outcome: 'allowed' | 'denied';
  /** A word: why it was denied. */
  reason?: string | undefined;
  /** Stable id of the principal; undefined where nobody was identified. */
  actor: string | undefined;
  actorName: string | undefined;
  identityKind: string | undefined;
  /** `jti` of the token that was shown, or the id of the password. */
  tokenId: string | undefined;
  address: string;
  requestId: string;
  registryId: number;
  /** What it was done to, as a repository or an ARM id. */
  target?: string | undefined;
  /** What else the action says of itself. */
  detail?: Record<string, unknown> | undefined;
}

/**
 * Records of what was decided (design §5), in the log. Two classes: what changes something or was denied is written
 * before its answer; what only reads, and what is refused because there is too much of it, is kept for up to a second, and
 * the same by the same caller becomes one record that says how often. A crash may lose that second.
 */
export interface Audit {
  /** At once. Throws where it cannot be written, so that what it is about is not done. */
  record(entry: AuditEntry): void;
  /** When the promise resolves, together with what else comes in this moment. */
  recordTogether(entry: AuditEntry): Promise<void>;
  /**
   * Within a second. What is `alike`, by the same caller, is one record: its entry is made of the first, so that a pull that
   * is like others costs no more than being counted. Each caller is an object of its own; what nobody is known for has one
   * in common, as undefined. What cannot be written stays until it can; throws where there is too much of it.
   */
  note(caller: object | undefined, alike: string, entry: () => AuditEntry): void;
  /** Writes what is kept, where that is possible, and ends. */
  close(): void;
}

const keptMs = 1000;
/** Different entries that are kept at most. */
const most = 5000;

interface Kept {
  entry: AuditEntry;
  count: number;
  /** ms since the epoch */
  from: number;
}

export function createAudit(log: Log): Audit {
  const kept = new Map<object | undefined, Map<string, Kept>>();
  let size = 0;
  let timer: Timer | undefined;
  let closed = false;

  function write(entry: AuditEntry, more?: Record<string, unknown>): void {
    log.record(fieldsOf(entry, more), entry.outcome);
  }

  function flush(): void {
    for (const [caller, entries] of kept) {
      for (const [alike, { entry, count, from }] of entries) {
        write(entry, count > 1 ? { count, from: new Date(from).toISOString() } : undefined);
        entries.delete(alike);
        size--;
      }
      kept.delete(caller);
    }
    clearTimeout(timer);
    timer = undefined;
  }

  /** A full disk ends nobody's process: what is left is written when there is room again. */
  function flushLater(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      try {
        flush();
      } catch {
        flushLater();
      }
    }, keptMs);
    timer.unref();
  }

  function keep(caller: object | undefined, alike: string, entry: AuditEntry): void {
    if (size >= most) flush();
    let entries = kept.get(caller);
    if (!entries) kept.set(caller, (entries = new Map()));
    entries.set(alike, { entry, count: 1, from: Date.now() });
    size++;
    if (size >= most || closed) flush();
    else flushLater();
  }

  return {
    record: (entry) => write(entry),
    recordTogether: (entry) => log.gather(fieldsOf(entry), entry.outcome),
    note(caller, alike, entry) {
      const same = kept.get(caller)?.get(alike);
      if (same) same.count++;
      else keep(caller, alike, entry());
    },
    close() {
      closed = true;
      try {
        flush();
      } catch {
        // As after a crash.
      }
    },
  };
}

/** As a record has them. Named one by one: this is done for each token that is given out. */
function fieldsOf(entry: AuditEntry, more?: Record<string, unknown>): Record<string, unknown> {
  const { action, outcome, reason, actor, actorName, identityKind, tokenId, address, requestId, registryId, target } =
    entry;
  const who = { actor, actorName, identityKind, tokenId, address, requestId, registryId };
  return { audit: true, action, outcome, reason, ...who, target, ...entry.detail, ...more };
}
