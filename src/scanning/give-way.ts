/** How long it is looked at whether this process is busy (ms), and how much of one core then makes it so. */
const lookMs = 25;
const busyShare = 0.4;
/**
 * How long a scan waits for those who push and pull (ms): what comes in all the time does not keep it for ever. A scan costs the
 * server some ms beside what its layers take, so four a second are one or two in a hundred of what it does.
 */
const mostMs = 250;

export interface Processor {
  /** Time of the processor that this process has taken (ms). */
  used(): number;
  sleep(ms: number): Promise<void>;
  now(): number;
}

const own: Processor = {
  used() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  sleep: (ms) => Bun.sleep(ms),
  now: () => performance.now(),
};

/**
 * Awaited between two scans: what a layer takes is done beside this process, what its image takes is not. Resolves at once when
 * there is little else to do or the next one `isUrgent`, and after a while in any case.
 */
export async function giveWay(isUrgent: () => Promise<boolean>, { used, sleep, now }: Processor = own): Promise<void> {
  for (const until = now() + mostMs; now() < until;) {
    const [before, began] = [used(), now()];
    await sleep(lookMs);
    if (used() - before < busyShare * (now() - began) || (await isUrgent())) return;
  }
}
