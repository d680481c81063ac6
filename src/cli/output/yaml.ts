import { Document, isScalar, visit } from 'yaml';
import { isUnsafe, shownQuoted } from './shown.ts';

/** YAML in blocks. What a terminal must not get is within double quotes, where it can be written by its number. */
export function yamlOf(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, (_, node) => {
    if (isScalar(node) && typeof node.value === 'string' && isQuoted(node.value)) node.type = 'QUOTE_DOUBLE';
  });
  // Folded lines of quoted texts would be hard to search.
  return shownQuoted(
    document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER }).replace(/\n$/, ''),
  );
}

/** Blanks around lines are easily lost in a block. */
function isQuoted(text: string): boolean {
  return isUnsafe(text) || (text.includes('\n') && (!/^\S[^]*\S$/.test(text) || / $/m.test(text)));
}
