import { dirname, join } from 'node:path';
import type { Call } from './trace.ts';

/*
 * What must have happened, in this order, each step done before the next begins, when an answer leaves the server:
 *
 *   blob       staging file synced → renamed → its new directory synced → fact written → write-ahead log synced
 *   offset     staging file synced → its directory synced → fact written → write-ahead log synced
 *   manifest   fact written → write-ahead log synced
 *
 * A directory that holds one of these files was made by the server itself: its own entry must be durable, too.
 */
export type Kind = 'blob' | 'offset' | 'manifest';

export interface Exchange {
  request: Call;
  answer: Call;
  status: number;
}

const writes = new Set(['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2']);
const syncs = new Set(['fsync', 'fdatasync']);
const receives = new Set(['recvfrom', 'recvmsg', 'read']);
const sends = new Set(['sendto', 'sendmsg', 'write', 'writev']);

/** The request whose first line begins with `line`, and the final answer on its connection. */
export function findExchange(calls: readonly Call[], line: string): Exchange | undefined {
  const request = calls.find((call) => receives.has(call.name) && call.arguments.includes(`"${line}`));
  if (!request) return undefined;
  for (const answer of calls) {
    if (answer.began < request.ended || !sends.has(answer.name) || answer.subject !== request.subject) continue;
    const status = /"HTTP\/1\.1 (\d{3})/.exec(answer.arguments)?.[1];
    if (status && status !== '100') return { request, answer, status: Number(status) };
  }
  return undefined;
}

interface Step {
  name: string;
  matches(call: Call): boolean;
}

/**
 * What is wrong with the order of an exchange; nothing when it is durable. `upload` is the session's id. `alone` says
 * that no other request ran: then nothing may be written after the sync that is to cover it.
 */
export function orderFaults(
  calls: readonly Call[],
  data: string,
  exchange: Exchange,
  { kind, upload = '', alone = true }: { kind: Kind; upload?: string; alone?: boolean },
): string[] {
  const wal = join(data, 'bonded.db-wal');
  const move = calls.find(
    (call) => call.name.startsWith('rename') && call.result === 0 && isStaging(data, upload)(call),
  );
  const staging = calls.find(isStaging(data, upload))?.subject ?? '/none';
  const shard = dirname(kind === 'offset' ? staging : (move?.target ?? '/none'));
  const synced = (path: string) => (call: Call) => syncs.has(call.name) && call.subject === path && call.result === 0;
  const written = (path: string) => (call: Call) => writes.has(call.name) && call.subject === path;
  const staged: Step = { name: 'sync of the staging file', matches: synced(staging) };
  const moved: Step = { name: 'rename into blobs', matches: (call) => call === move };
  const entered: Step = { name: 'sync of the directory', matches: synced(shard) };
  const stated: Step = { name: 'write of the fact', matches: written(wal) };
  const kept: Step = { name: 'sync of the write-ahead log', matches: synced(wal) };
  const steps = {
    blob: [staged, moved, entered, stated, kept],
    offset: [staged, entered, stated, kept],
    manifest: [stated, kept],
  }[kind];

  // Backwards, always the latest that fits: if any chain of steps exists, this one does.
  let before = exchange.answer.began;
  const chain = new Map<Step, Call>();
  for (const step of steps.toReversed()) {
    const found = calls.findLast((call) => call.ended < before && step.matches(call));
    if (!found) return [`no ${step.name} in time`];
    chain.set(step, found);
    before = found.began;
  }
  const faults: string[] = [];
  const made = calls.find((call) => call.name.startsWith('mkdir') && call.subject === shard && call.result === 0);
  const above = (call: Call) =>
    synced(dirname(shard))(call) && call.began > made!.ended && call.ended < exchange.answer.began;
  if (kind !== 'manifest' && made && !calls.some(above))
    faults.push('the entry of the directory itself was not synced');
  // The data of a blob may have been synced by an earlier request of its session; the fact never.
  if (chain.get(stated)!.began < exchange.request.ended) faults.push('the fact was written before the request came');
  const late = (path: string, since: Step, until: number) =>
    calls.some((call) => written(path)(call) && call.began > chain.get(since)!.began && call.began < until);
  if (kind !== 'manifest' && late(staging, staged, exchange.answer.began))
    faults.push('staged bytes were written after their sync');
  if (alone && late(wal, kept, exchange.answer.began)) faults.push('facts were written after their sync');
  return faults;
}

/** Whether a call is about the staging file of an upload, by its old name if it is renamed. */
function isStaging(data: string, upload: string): (call: Call) => boolean {
  return ({ subject }) => upload !== '' && subject.startsWith(join(data, 'uploads/')) && subject.endsWith(`/${upload}`);
}

/** Calls that a trace of this form cannot follow; with them the order proves nothing. */
export function untraceable(calls: readonly Call[]): string[] {
  return [
    ...new Set(calls.map((call) => call.name).filter((name) => name.startsWith('io_uring') || name === 'io_submit')),
  ];
}
