#!/usr/bin/env node
/*
 * Runs a TypeScript file with the pinned Bun: node tools/run.mjs FILE [arguments]
 * Streams, signals and the exit code are the file's own.
 */
import { spawn } from 'node:child_process';
import process from 'node:process';
import { ensure } from './ensure.mjs';

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('usage: node tools/run.mjs FILE [arguments]\n');
  process.exit(2);
}

let bun;
try {
  bun = await ensure();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

// Should this process be killed outright, Bun ends too, with all that it started.
const child = spawn(bun, ['--no-orphans', file, ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // A terminal sends Ctrl-C to the child too; passed on, it would arrive twice and mean "at once".
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => {
  process.stderr.write(`${bun} could not be started: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
  process.kill(process.pid, signal);
});
