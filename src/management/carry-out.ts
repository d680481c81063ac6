import { setTimeout as sleep } from 'node:timers/promises';
import {
  ManagementError,
  mostOfOneResource,
  type Outcome,
  permissionOf,
  type Progress,
  type TakenOperation,
} from '../operations/index.ts';
import { asRegistryError, RegistryError } from '../errors/index.ts';
import type { Resource } from '../resources/index.ts';
import { asError } from './as-error.ts';
import { type Begun, type Carrier, type Edge, handlersOf } from './edge.ts';
import { outputOf } from './envelope.ts';
import type { Task } from './handlers.ts';
import { boundTo, type Work } from './work.ts';

/*
 * What takes longer than a request is a row of `operations` before the request is answered. Any process takes it from
 * there:
 *
 *   start ──> taken ──> finished            the state of the resource and the end of the operation are one transaction
 *     ^         │
 *     └─────────┘  its process ended, was silent for too long, or the database was away
 */

/** Operations that a process carries out at once, and of one resource; others wait. Who fills one up leaves the others room. */
const atOnce = 4;
const ofOneAtOnce = 3;
/** Secrets that are kept, beyond the operations that there may be. */
const mostSecrets = 2000;
/** How often an operation is begun: one that ends its process each time is given up. */
const mostAttempts = 5;
/**
 * How long what it needs may be away before it is begun again, by how often it was (ms): whatever is there again after a
 * minute is so before the last time.
 */
const restsMs = [2000, 8000, 20_000, 40_000];
/** How long the end of a process waits for what it has broken off (ms). */
const patienceMs = 10_000;

const brokenOff = new Error('this process ends; the operation goes on elsewhere, or after the next start');
const taken = new Error('another process has taken the operation');

export function createCarrier(edgeOf: () => Edge): Carrier {
  const running = new Map<string, { resource: string; controller: AbortController; done: Promise<void> }>();
  const secrets = new Map<string, string>();
  let stopped = false;

  const isFull = (resource: string) =>
    [...running.values()].filter((other) => other.resource === resource).length >= ofOneAtOnce;

  function carry({ id, resource }: Begun): void {
    if (running.has(id) || stopped || running.size >= atOnce || isFull(resource)) return;
    const edge = edgeOf();
    const controller = new AbortController();
    const done = carryOut(edge, id, controller, secrets.get(id))
      .then((over) => void (over && secrets.delete(id)))
      .catch(edge.failed)
      .finally(() => {
        running.delete(id);
        // The next one need not wait for a round; where there is no database, there is no hurry either.
        if (!stopped) void takeUp().catch(() => {});
      });
    running.set(id, { resource, controller, done });
  }

  async function takeUp(): Promise<boolean> {
    const { operations, carriesOut } = edgeOf();
    if (!carriesOut || stopped || running.size >= atOnce) return false;
    const full = [...running.values()].map(({ resource }) => resource).find(isFull);
    // Behind all that may wait of the one that is full, there are those of others.
    const found = await operations.waiting(atOnce + (full === undefined ? 1 : mostOfOneResource));
    const waiting = found.filter(({ resource }) => resource !== full);
    for (const operation of waiting) carry(operation);
    return running.size < atOnce && waiting.some(({ id }) => !running.has(id));
  }

  return {
    keep(id, secret) {
      secrets.set(id, secret);
      // A transaction that failed leaves one behind.
      const [oldest] = secrets.keys();
      if (secrets.size > mostSecrets) secrets.delete(oldest!);
    },
    begun(operation) {
      if (edgeOf().carriesOut) carry(operation);
    },
    takeUp,
    async settle() {
      while (running.size > 0) await Promise.all([...running.values()].map(({ done }) => done));
    },
    async stop() {
      stopped = true;
      for (const { controller } of running.values()) controller.abort(brokenOff);
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, patienceMs);
      await Promise.race([Promise.all([...running.values()].map(({ done }) => done)), late.promise]);
      clearTimeout(timer);
    },
  };
}

/** Carries an operation out if nobody else does; whether it is over. */
async function carryOut(
  edge: Edge,
  id: string,
  controller: AbortController,
  secret: string | undefined,
): Promise<boolean> {
  const { operations } = edge;
  const operation = await operations.take(id);
  // Over, or another's.
  if (!operation) return true;
  const work = operation.work as Work;
  try {
    if (operation.attempts > mostAttempts) {
      throw new ManagementError(
        'OperationFailed',
        `this was begun ${mostAttempts} times, and each time its process ended before it, or the database was away; see the ` +
          'log, then do it again',
      );
    }
    await perform(edge, operation, work, taskOf(edge, operation, work, controller, secret));
  } catch (error) {
    const { reason } = controller.signal;
    if (reason === taken) return true;
    const isAway = !reason && operation.attempts < mostAttempts && asRegistryError(error).status === 503;
    if (isAway) {
      edge.failed(error);
      // It ends early where the process does.
      const ms = restsMs[operation.attempts - 1] ?? 0;
      await sleep(ms, undefined, { signal: controller.signal }).catch(() => {});
    }
    const isEnding = controller.signal.reason === brokenOff;
    if (isAway || isEnding) {
      // What only this process knows, nobody else can go on with.
      const isOurs = secret !== undefined && operation.sealed === undefined && !isEnding;
      if (!isOurs) await operations.giveBack(operation, reason === brokenOff);
      return false;
    }
    // What somebody asked for and could not have is no failure of ours.
    if (!(error instanceof RegistryError && error.status < 500)) edge.failed(error);
    await fail(edge, operation, work, error);
    edge.ended({ ...about(edge, operation, work), status: 'Failed', error: asError(error) });
    await edge.refresh();
    return true;
  }
  edge.ended({ ...about(edge, operation, work), status: 'Succeeded' });
  await edge.refresh();
  return true;
}

function about({ types }: Edge, { id, principal }: TakenOperation, work: Work) {
  const type = types.get(work.type.toLowerCase())?.type;
  const declared = work.kind === 'action' ? type?.actions[work.action] : undefined;
  const action =
    work.kind === 'action'
      ? declared && permissionOf(work.type, work.action, declared)
      : type?.permissions[work.kind === 'delete' ? 'delete' : 'write'];
  return { operation: id, id: work.id, by: principal, action: action ?? work.type };
}

function taskOf(
  edge: Edge,
  operation: TakenOperation,
  { type, id, hasSecret }: Work,
  controller: AbortController,
  secret: string | undefined,
): Task {
  const declared = edge.types.get(type.toLowerCase())?.type;
  if (!declared) throw new ManagementError('OperationFailed', `this version of the server does not know ${type}`);
  return {
    operation: operation.id,
    id,
    name: decodeURIComponent(id.slice(id.lastIndexOf('/') + 1)),
    type: declared,
    by: operation.principal,
    startedAt: operation.startedAt,
    signal: controller.signal,
    secret() {
      if (!hasSecret || secret !== undefined) return secret;
      if (edge.sealer && operation.sealed !== undefined) {
        return edge.sealer.unseal(operation.sealed, boundTo(operation.id));
      }
      throw new ManagementError(
        'OperationFailed',
        'the process that knew the credentials has ended, and nothing was configured to keep them under; do it again, and ' +
          'give the credentials again',
      );
    },
    progress: operation.progress,
    async report(progress: Progress) {
      if (await edge.operations.report(operation, progress)) return;
      controller.abort(taken);
      throw taken;
    },
  };
}

async function perform(edge: Edge, operation: TakenOperation, work: Work, task: Task): Promise<void> {
  const { operations, resources } = edge;
  const handlers = handlersOf(edge, task.type);
  if (work.kind === 'action') {
    const long = handlers.longActions?.[work.action];
    const declared = task.type.actions[work.action];
    if (!long || !declared) {
      throw new ManagementError('OperationFailed', `this version of the server does not know ${work.action}`);
    }
    const result = outputOf(declared, await long.carryOut(task, work.input));
    await operations.finish(operation, { status: 'Succeeded', result });
    return;
  }
  const resource = await resources.get(task.id);
  if (resource) await handlers.run?.(task, work.kind, resource);
  await resources.db.write(async (tx) => {
    await resources.lock(tx);
    // What another process has taken is that one's to end.
    if (!(await operations.finish(operation, endOf(work, resource), tx))) return;
    const change = { by: operation.principal, registryId: edge.registryIdOf(task.id), tx };
    if (work.kind !== 'delete') return settleState(edge, work, change);
    const gone = await resources.delete(task.id, change);
    if (gone) await handlers.afterDelete?.({ ...task, now: edge.now(), tx }, gone);
  });
}

function endOf({ kind }: Work, resource: Resource | undefined): Outcome {
  if (kind === 'delete' || resource) return { status: 'Succeeded' };
  const message = 'the resource was deleted meanwhile';
  return { status: 'Canceled', error: { code: 'ResourceNotFound', message } };
}

type Change = Parameters<Edge['resources']['patch']>[2];

/** Another operation on the resource may have begun meanwhile: its state stays. */
async function settleState({ resources, types }: Edge, work: Work, change: Change, end?: 'Failed'): Promise<void> {
  const began = work.kind === 'action' ? undefined : work.state;
  if (!(await resources.get(work.id, change.tx))) return;
  const over = ({ state }: Resource) => (state === began ? end : state);
  const mostBytes = types.get(work.type.toLowerCase())?.type.mostBytes;
  await resources.patch(work.id, (previous) => ({ ...previous, state: over(previous) }), { ...change, mostBytes });
}

async function fail(edge: Edge, operation: TakenOperation, work: Work, error: unknown): Promise<void> {
  const { operations, resources } = edge;
  await resources.db.write(async (tx) => {
    if (work.kind !== 'action') await resources.lock(tx);
    if (!(await operations.finish(operation, { status: 'Failed', error: asError(error) }, tx))) return;
    if (work.kind === 'action') return;
    const change = { by: operation.principal, registryId: edge.registryIdOf(work.id), tx };
    await settleState(edge, work, change, 'Failed');
  });
}
