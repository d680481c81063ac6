/** A program that is started on a directory of its own; again on the same directory, it finds what it had. */
export interface Server {
  /** As tables call it. */
  title: string;
  /** Whether it asks who calls: only Bonded does, as none of the others is told to. */
  asksWhoCalls?: boolean;
  /** Whether what it logs goes into a file beside its directory, and not nowhere. */
  keepsLog?: boolean;
  /** Where the program lies; null where this machine does not have it. */
  program(): string | null;
  /** A line that names what is measured. */
  version(program: string): string;
  /** What starts it on this port of 127.0.0.1. Writes its configuration beside the directory. */
  command(program: string, directory: string, port: number): string[];
}

/** The first line that a program says to this. */
export function firstLine(command: readonly string[]): string {
  const { stdout, stderr } = Bun.spawnSync([...command]);
  return `${stdout}${stderr}`.trim().split('\n')[0]!;
}
