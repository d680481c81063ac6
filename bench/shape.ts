import { type Contender, isServer, type PeerName } from './peers/contenders.ts';
import type { Peer } from './peers/start.ts';

/** A figure that is measured for each contender. */
export interface Row {
  key: string;
  what: string;
  unit: string;
  /** Whether a larger or a smaller figure is the better one. */
  better: 'more' | 'less';
  /** Bonded's figure divided by that of the peer should be at least, or at most, this. */
  targets?: Partial<Record<Contender, number>>;
  /** What a contender's own figure should not pass, whatever others do. */
  limits?: Partial<Record<Contender, number>>;
}

/** By the key of the row. What a contender cannot do at all has no figure. */
export type Figures = Record<string, number>;

export interface Scale {
  /** Bytes of a large blob. */
  blobBytes: number;
  /** Seconds that small requests are sent for. */
  seconds: number;
  rounds: number;
  /** How many of many: clients, builds, tags, referrers. 1 is the full number. */
  crowd: number;
  /** Whether it is enough to see that everything runs. */
  brief: boolean;
  /** Bytes of memory that are made ready before each measurement. */
  memoryBytes: number;
}

export interface Situation {
  scale: Scale;
  /** Where everything that is made goes; on the disk that is measured. */
  directory: string;
  /** The running servers by name; a peer that is not installed is missing. */
  peers: Map<PeerName, Peer>;
}

/** One kind of work, measured for each contender in turn. */
export interface Shape {
  name: string;
  /** What is done, in a sentence or two, for whoever reads the figures. */
  about: string;
  contenders: readonly Contender[];
  /** Those of a brief run, where each takes long. */
  briefly?: readonly Contender[];
  /** Takes many seconds however brief the run: much has to be there first. A brief run of the others has none of these. */
  long?: boolean;
  /** Starts its servers by itself; the ones of `Situation` are not for it. */
  startsServers?: boolean;
  /** Programs that send or measure. */
  needs: readonly string[];
  rows: readonly Row[];
  /** At most this many rounds, where one takes long. */
  rounds?: number;
  /** Gives the servers what they need; not measured. */
  prepare?(situation: Situation): Promise<void>;
  measure(situation: Situation, contender: Contender): Promise<Figures>;
  /** Ends what `prepare` started. */
  finish?(): Promise<void>;
}

export function peerOf({ peers }: Situation, contender: Contender): Peer {
  const peer = isServer(contender) ? peers.get(contender) : undefined;
  if (!peer) throw new Error(`${contender} does not run`);
  return peer;
}

/** `count` at full scale; a smoke run does with a part of it. */
export function crowdOf({ scale }: Situation, count: number): number {
  return Math.max(1, Math.round(count * scale.crowd));
}

/** Runs a program to its end; throws with what it said when it fails. */
export async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')} failed: ${complaint || output}`);
  return output;
}

export const gib = 1024 ** 3;
