/** A positive number from the command line, or `otherwise`. What is none ends the process with a line for whoever typed it. */
export function positive(flag: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  console.error(`${flag} ${text}: must be a number above 0`);
  process.exit(2);
}
