import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Ticks of `/proc/<pid>/stat` in a second; Linux has reported times in this unit on every architecture for decades. */
const ticksPerSecond = 100;

export interface Load {
  seconds: number;
  /** Processor time of the process and its children, user and system. */
  cpuSeconds: number;
  /** Most memory that was resident at once, over all its processes; what they share counts for each. */
  peakMiB: number;
}

/** Runs `work` and says what it cost the process `pid` and its children. */
export async function underLoad(pid: number, work: () => Promise<unknown>): Promise<Load> {
  const before = cpuSecondsOf(pid);
  for (const member of familyOf(pid)) resetPeak(member);
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const peakMiB = familyOf(pid).reduce((sum, member) => sum + peakOf(member), 0);
  return { seconds, cpuSeconds: cpuSecondsOf(pid) - before, peakMiB };
}

/** Stops a process and its children, so that nothing of them runs beside what is measured; `resume` lets them go on. */
export function suspend(pid: number): { resume(): void } {
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => {
    for (const member of familyOf(pid)) {
      try {
        process.kill(member, name);
      } catch {
        // A child that has ended meanwhile.
      }
    }
  };
  signal('SIGSTOP');
  return { resume: () => signal('SIGCONT') };
}

function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const fields = statOf(Number(entry));
    if (fields) parents.set(Number(entry), Number(fields[1]));
  }
  const family = [pid];
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
}

function cpuSecondsOf(pid: number): number {
  const ticks = familyOf(pid).reduce((sum, member) => {
    const fields = statOf(member);
    return fields ? sum + Number(fields[11]) + Number(fields[12]) : sum;
  }, 0);
  return ticks / ticksPerSecond;
}

/** Fields from the state on: the name before it may hold anything. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // It ended, or belongs to somebody else; then the peak since its start is what we get.
  }
}

function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
