import type { Mirror } from '../resources/index.ts';
import { type BlobGate, createBlobGate } from './blob-gate.ts';
import { createAdmissionGate, type AdmissionGate, type GateOptions } from './gate.ts';
import { createQuarantineDesk, type QuarantineDesk } from './quarantine.ts';
import { createRecompute, type Recompute } from './recompute.ts';
import { type AdmissionRegistry, type AdmissionRules, createRules } from './rules.ts';
import { createVerdicts, type Verdicts } from './verdicts.ts';
import type { FactSources } from './facts.ts';

export interface AdmissionOptions extends FactSources {
  mirror: Mirror;
  /** Asked each time; while it is the same list, no rule has changed. */
  registries(): readonly AdmissionRegistry[];
  /** Current time (ms). */
  now: () => number;
  failed(error: unknown, detail: Record<string, unknown>): void;
  /** Told of an image that somebody pulls and that waits for its scan, each time: it is wanted before others. */
  wanted?: GateOptions['wanted'];
}

/** What is let out, and why; one for each process. */
export interface Admission {
  rules: AdmissionRules;
  verdicts: Verdicts;
  gate: AdmissionGate;
  blobs: BlobGate;
  quarantine: QuarantineDesk;
  background: Recompute;
}

export function createAdmission({ mirror, registries, failed, wanted, ...sources }: AdmissionOptions): Admission {
  const rules = createRules(mirror, registries);
  const options = { ...sources, rules };
  const verdicts = createVerdicts(options);
  return {
    rules,
    verdicts,
    gate: createAdmissionGate({ catalog: sources.catalog, rules, verdicts, wanted }),
    blobs: createBlobGate({ catalog: sources.catalog, verdicts, wanted, now: sources.now }),
    quarantine: createQuarantineDesk({ ...options, verdicts }),
    background: createRecompute({ ...options, verdicts, failed }),
  };
}
