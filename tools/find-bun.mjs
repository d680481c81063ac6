import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** Where install scripts are blocked, the `bun` package holds a few lines of shell that say so in Bun's place. */
const smallestBun = 1_000_000;

/** The path of a Bun below `modules` that runs on this machine; undefined when there is none. */
export function findBun(modules) {
  for (const candidate of bunCandidates(process.platform, process.arch, isMusl(), hasAvx2())) {
    const path = join(modules, candidate);
    if (existsSync(path) && statSync(path).size >= smallestBun && runs(path)) return path;
  }
  return undefined;
}

/**
 * Paths below node_modules in the order of preference: where the install script of `bun` puts it, then the packages
 * that the script takes it from.
 */
export function bunCandidates(platform, arch, musl, avx2) {
  const cpu = { arm64: 'aarch64', x64: 'x64' }[arch];
  const system = { win32: 'windows', android: 'linux' }[platform] ?? platform;
  const own = ['bun/bin/bun.exe', 'bun/bin/bun'];
  if (!cpu) return own;
  const plain = `@oven/bun-${system}-${cpu}`;
  const libc = platform === 'android' ? '-android' : musl ? '-musl' : '';
  const builds = [`${plain}${libc}`];
  if (cpu === 'x64') {
    // A processor without AVX2 dies of the normal build; one with it only loses speed with the other.
    const baseline = `${plain}${libc}-baseline`;
    if (avx2) builds.push(baseline);
    else builds.unshift(baseline);
  }
  const file = platform === 'win32' ? 'bun.exe' : 'bun';
  return [...own, ...builds.map((build) => `${build}/bin/${file}`)];
}

function runs(path) {
  const ended = spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 30_000 });
  if (ended.error?.code === 'EACCES') {
    try {
      chmodSync(path, 0o755);
    } catch {
      return false;
    }
    return spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 30_000 }).status === 0;
  }
  return ended.status === 0;
}

function isMusl() {
  if (process.platform !== 'linux') return false;
  // Without this the report looks up the names of all open connections.
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime === undefined;
}

function hasAvx2() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return true;
  try {
    return /^flags\s*:.*\bavx2\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return true;
  }
}
