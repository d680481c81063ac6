import { runEngines } from './run-engines.ts';
import type { ScanRig } from '../scan-rig.double.ts';
import { type Engine, EngineError, type EngineFinding, type EngineReport } from './engine.ts';
import { engineStates, type EngineState } from './engine-store.ts';
import { findScan } from '../image-store.ts';
import type { Digest } from '../../oci/index.ts';

export const finding = (
  id: string,
  name: string,
  version: string,
  more: Partial<EngineFinding> = {},
): EngineFinding => ({
  id,
  package: name,
  version,
  severity: 'High',
  severitySource: 'them',
  fixState: 'unknown',
  cvss: [],
  summary: 'as they say',
  references: [],
  ...more,
});

export const report = (...findings: EngineFinding[]): EngineReport => ({
  scanner: { name: 'Double', version: '1', databaseAt: Date.UTC(2026, 0, 1) },
  findings,
  isCut: false,
});

/** An engine that does what it is told. */
export function engineDouble(name: string, scan: Engine['scan'], more: Partial<Engine> = {}): Engine {
  return { name, kind: 'harbor', parallel: 1, timeoutMs: 60_000, scan, ...more };
}

export const broken = () => Promise.reject(new EngineError('it is broken'));

/** Runs engines until none of them has anything to do that is due. */
export async function drain(
  { db, now, knowledge }: ScanRig,
  engines: readonly Engine[],
  until: (ended: readonly string[]) => boolean,
): Promise<string[]> {
  const ended: string[] = [];
  const errors: unknown[] = [];
  const runner = runEngines({
    db,
    now,
    engines,
    nodes: undefined,
    knowledge,
    ended: ({ engine }, outcome) => void ended.push(`${engine} ${outcome}`),
    failed: (error) => void errors.push(error),
  });
  try {
    for (const end = Date.now() + 45_000; !until(ended); await Bun.sleep(10)) {
      if (errors.length > 0) throw errors[0];
      if (Date.now() > end) throw new Error(`it has not come to that within 45 s: ${ended.join(', ')}`);
    }
  } finally {
    await runner.stop();
  }
  return ended;
}

export async function statesOf({ db }: ScanRig, digest: Digest): Promise<EngineState[]> {
  return engineStates(db, (await findScan(db, digest))!.id);
}
