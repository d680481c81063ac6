import { join } from 'node:path';
import { firstLine, type Server } from './server.ts';

const root = join(import.meta.dir, '..', '..');

/** Bonded from this checkout; `settings` as `key=value`, as `--set` takes them. */
export function bonded(title: string, ...settings: string[]): Server {
  return {
    title,
    asksWhoCalls: true,
    program: () => join(root, 'bin', 'bonded'),
    version: (program) =>
      [firstLine([program, '--version']), `from source on Bun ${Bun.version}`, ...settings].join(', '),
    command: (program, directory, port) => serve(program, directory, port, settings),
  };
}

/** The same as it starts by itself: with its log, in which the audit is, written to a file. */
export function bondedWithLog(title: string): Server {
  return { ...bonded(title, 'log.level=info'), keepsLog: true };
}

/** The compiled program, where `npm run build:binary` puts it; the shape that measures it builds it anew. */
export function bondedBinary(title: string): Server {
  const program = join(root, 'dist', 'bonded');
  return {
    title,
    asksWhoCalls: true,
    program: () => program,
    version: () => 'one file, by `npm run build:binary`',
    command: (_, directory, port) => serve(program, directory, port, []),
  };
}

function serve(program: string, directory: string, port: number, settings: readonly string[]): string[] {
  const flags = [`--listen=127.0.0.1:${port}`, `--data=${directory}`];
  // The last of two counts. No peer scans by itself; the shapes that are about scans say so.
  return [
    program,
    'serve',
    ...flags,
    ...['log.level=warn', 'scanning.parallel=0', ...settings].map((setting) => `--set=${setting}`),
  ];
}
