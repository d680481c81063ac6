import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 200;
const maxWaitMs = 25 * 60_000;

/**
 * Runs `act` while this process alone holds the lock file. Waits for another holder; takes over from a dead one.
 */
export async function withLock(path, act) {
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  const deadline = Date.now() + maxWaitMs;
  let told = false;
  while (!create(path, mine)) {
    const holder = read(path);
    if (holder === undefined) continue;
    if (holder === '') {
      // Made but not filled yet; one who died in between has left it so.
      await sleep(pollMs);
      if (read(path) === '') takeAway(path, '');
      continue;
    }
    if (!isAlive(holder)) {
      takeAway(path, holder);
      continue;
    }
    if (Date.now() > deadline)
      throw new Error(`waited too long for another installation; if none runs, remove ${path}`);
    if (!told) process.stderr.write('Waiting for another process that installs the dependencies ...\n');
    told = true;
    await sleep(pollMs);
  }
  const release = () => {
    if (read(path) === mine) rmSync(path, { force: true });
  };
  process.on('exit', release);
  try {
    return await act();
  } finally {
    process.off('exit', release);
    release();
  }
}

function create(path, content) {
  try {
    writeFileSync(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Two processes may find the same dead holder, and the slower one must not remove the lock that the faster one has
 * made since: it looks at what it took, and puts back what is not the dead one's.
 */
function takeAway(path, holder) {
  const taken = `${path}.${process.pid}`;
  try {
    renameSync(path, taken);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  const content = read(taken);
  if (content !== holder && content !== undefined) create(path, content);
  rmSync(taken, { force: true });
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(holder) {
  const { pid, started } = JSON.parse(holder);
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') return false;
  }
  // Process ids are used again, after a restart of a container even the same few.
  return startOf(pid) === started;
}

/** When a process began, in ticks since boot, with the boot's id; null where /proc does not exist. */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`;
  } catch {
    return null;
  }
}
