import type { Output, RunOptions } from './command.ts';
import type { Images } from './images.ts';
import type { Registry } from './registry.ts';

/** What a test of a client works with. */
export interface Stage {
  registry: Registry;
  images: Images;
  /** An empty folder of this test's own, removed afterwards. */
  folder: string;
  environment: Record<string, string>;
  /** Runs a client in the sandbox; throws with its output when it fails. */
  run(command: readonly string[], options?: Partial<RunOptions>): Promise<Output>;
}

export interface ClientTest {
  /** Says the behaviour. */
  name: string;
  /** Programs that must be on PATH. */
  needs: readonly string[];
  /** Whether only root can run it. */
  root?: boolean;
  /** Not among the tools that every run must have: left out without a word where its programs are missing. */
  extra?: boolean;
  run(stage: Stage): Promise<void>;
}

/** Thrown by a test that cannot run here, and why. */
export class CannotRun extends Error {}
