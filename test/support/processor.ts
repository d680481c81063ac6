import { readFileSync } from 'node:fs';

/** Processor time (ms) that this process needs for `action`: other programs add nothing to it. */
export function processorMs(action: () => void): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** For how long this thread was ready to run and did not (ms), since it began; 0 where the system does not tell. */
export function waitedForProcessor(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
