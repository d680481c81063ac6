import { stateOf } from '../words.ts';
import type { EngineState } from './engine-store.ts';

const iso = (at: number) => new Date(at).toISOString();

/** What the management API says of an engine and an image. */
export function engineView({ engine, state, requestedAt, endedAt, attempts, error, about }: EngineState) {
  const { scanner, findings, isCut } = about ?? {};
  return {
    name: engine,
    state: stateOf({ state }),
    requestedTime: iso(requestedAt),
    ...(endedAt !== null && { scannedTime: iso(endedAt) }),
    ...(scanner && { scanner: scanner.name, version: scanner.version }),
    ...(scanner?.databaseAt !== undefined && { databaseTime: iso(scanner.databaseAt) }),
    ...(findings !== undefined && { findings }),
    ...(isCut && { isCut }),
    ...(attempts > 0 && { attempts }),
    ...(error !== null && { error }),
  };
}
