/** Longest text that clients show in a line (characters). */
const longest = 256;

/**
 * A text on one line, cut where it is too long. Names of packages and vulnerabilities come from whoever built the image:
 * nothing of theirs moves the cursor of a terminal, or turns the direction of writing.
 */
export function oneLine(text: string, most = longest): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ');
  return line.length <= most ? line : `${line.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
