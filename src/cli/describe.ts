/** The text of `--help`: what there is to know, and examples. */
export function describe(details: string, examples: readonly string[] = []): string {
  if (examples.length === 0) return wrapped(details);
  return `${wrapped(details)}\n\nEXAMPLES\n${examples.map((example) => `  bonded ${example}`).join('\n')}`;
}

const longestLine = 100;

function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length > longestLine) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join('\n');
}
