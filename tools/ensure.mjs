#!/usr/bin/env node
/*
 * Makes a checkout runnable: installs the locked dependencies where they are missing or out of date, and finds the
 * Bun among them. Plain Node >= 18 without dependencies, because it runs before there are any.
 *
 *   node tools/ensure.mjs              install what is missing
 *   node tools/ensure.mjs --print-bun  the same, then print the path of Bun
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { findBun } from './find-bun.mjs';
import { withLock } from './install-lock.mjs';

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const modules = join(root, 'node_modules');
/** Ours, inside node_modules, so that whoever deletes or replaces node_modules deletes it too. */
const state = join(modules, '.bonded');
const stampFile = join(state, 'stamp');
const bunLink = join(state, 'bun');
const installMinutes = 20;

/** Installs what is missing and returns the path of the pinned Bun. Throws an Error whose message is for the user. */
export async function ensure() {
  if (!isInstalled()) {
    await withLock(join(root, '.ensure.lock'), async () => {
      // Whoever held the lock before us may have done it.
      if (!isInstalled()) await install();
    });
  }
  return linkedBun();
}

/**
 * Whether node_modules is what the lockfile says. npm keeps its own record of what it installed; the stamp only saves
 * comparing the two each time.
 */
function isInstalled() {
  const wanted = readText(join(root, 'package-lock.json'));
  const record = readText(join(modules, '.package-lock.json'));
  if (wanted === undefined) throw new Error(`package-lock.json is missing in ${root}; restore it with git`);
  if (record === undefined) return false;
  const stamp = createHash('sha256').update(wanted).update('\0').update(record).digest('hex');
  if (readText(stampFile) === stamp) return true;
  if (!agree(JSON.parse(wanted).packages, JSON.parse(record).packages)) return false;
  keep(() => {
    // Another Bun may have come with the change.
    rmSync(bunLink, { force: true });
    writeFileSync(stampFile, stamp);
  });
  return true;
}

function agree(wanted, installed) {
  for (const [path, { version, integrity, optional, dev, devOptional }] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    // Optional packages are for other platforms; development ones are left out by whoever asks npm to.
    if (!found && (optional || devOptional || (dev && omitsDev()))) continue;
    if (!found || found.version !== version || found.integrity !== integrity) return false;
  }
  return Object.keys(installed).every((path) => path in wanted);
}

function omitsDev() {
  const asked = process.env.npm_config_omit ?? (process.env.NODE_ENV === 'production' ? 'dev' : '');
  return asked.split(/[\s,]+/).includes('dev');
}

async function install() {
  process.stderr.write('Installing dependencies (npm ci) ...\n');
  // Errors only: npm would warn that Kysely wants a newer Node, but it is Bun that runs it.
  const args = ['ci', '--loglevel=error', '--no-audit', '--no-fund', '--no-progress'];
  const npm = process.env.npm_execpath;
  const isScript = npm !== undefined && /npm-cli\.[cm]?js$/.test(npm);
  const [command, all] = isScript ? [process.execPath, [npm, ...args]] : ['npm', args];
  const { failure, output } = await run(command, all);
  if (failure === undefined) {
    if (!isInstalled()) throw new Error('npm ci ended well, but node_modules is not what package-lock.json says');
    return;
  }
  throw new Error(
    `${output.trim().split('\n').slice(-20).join('\n')}\n\n` +
      `The dependencies could not be installed: npm ci ${failure}.\n` +
      'Check that npm is on the PATH and reaches its package registry (npm ping), then try again.',
  );
}

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: installMinutes * 60_000,
      shell: process.platform === 'win32' && command === 'npm',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    const pass = (signal) => child.kill(signal);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, pass);
    const done = (failure) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, pass);
      resolve({ failure, output });
    };
    child.on('error', (error) => done(`could not be started (${error.message})`));
    child.on('close', (code, signal) => {
      if (signal) done(`was ended by ${signal}`);
      else done(code === 0 ? undefined : `failed with code ${code}`);
    });
  });
}

/** Bun by way of one fixed path, which `bin/bonded` can then test without starting Node. */
function linkedBun() {
  if (resolves(bunLink)) return bunLink;
  const bun = findBun(modules);
  if (!bun) {
    throw new Error(
      `No Bun in ${modules} runs on this machine (${process.platform} ${process.arch}).\n` +
        'If optional dependencies are switched off in npm, switch them on and run npm ci again.',
    );
  }
  const linked = keep(() => {
    rmSync(bunLink, { force: true });
    symlinkSync(relative(state, bun), bunLink);
  });
  return linked ? bunLink : bun;
}

function resolves(link) {
  try {
    return realpathSync(link) !== '';
  } catch {
    return false;
  }
}

/** What only saves time may fail: node_modules can be read-only. */
function keep(write) {
  try {
    mkdirSync(state, { recursive: true });
    write();
    return true;
  } catch {
    return false;
  }
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url))) {
  try {
    const bun = await ensure();
    if (process.argv.includes('--print-bun')) process.stdout.write(`${bun}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
