import { readFileSync } from 'node:fs';

/**
 * Takes memory (bytes, at most half of what is there) and gives it back. The host of a virtual machine takes back what
 * was freed, and whoever uses it next pays for that: writing to the page cache took seven times the processor time.
 * Who that is would depend on what the contender before had freed.
 */
export async function touchMemory(bytes: number): Promise<void> {
  const most = Math.min(bytes, availableBytes() / 2);
  if (most < 1) return;
  const program = `for (let left = ${Math.floor(most)}; left > 0; left -= 2 ** 27) keep.push(Buffer.alloc(2 ** 27, 1));`;
  await Bun.spawn([process.execPath, '-e', `const keep = []; ${program}`], { stdio: ['ignore', 'ignore', 'inherit'] })
    .exited;
}

function availableBytes(): number {
  const found = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
  return found ? Number(found[1]) * 1024 : 0;
}
