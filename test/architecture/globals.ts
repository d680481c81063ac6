import { at, folderOf, production, type Rule } from './tree.ts';
import type { Source } from './source.ts';

interface Reach {
  /** What the rule is about, for the message. */
  name: string;
  pattern: RegExp;
  /** Folders, or files without extension, that may. */
  allowed: readonly string[];
  unless?: (source: Source, position: number) => boolean;
}

/** Ways to the outside that have one place each. */
const reaches: readonly Reach[] = [
  {
    name: 'the process environment',
    pattern: /\b(?:process\s*\.\s*env|Bun\s*\.\s*env|import\.meta\.env)\b/g,
    allowed: ['config', 'main'],
  },
  {
    name: 'serving HTTP',
    pattern: /\bBun\s*\.\s*(?:serve|listen)\b|\bcreateServer\s*\(/g,
    // A browser comes back from a login to a listener on loopback.
    allowed: ['http', 'cli/proofs/loopback-redirect'],
  },
  {
    name: 'calling out over the network',
    pattern: /(?<![.\w$])fetch\s*\(|\b(?:globalThis|Bun|window)\s*\.\s*(?:fetch|connect)\b|\bnew\s+WebSocket\b/g,
    allowed: ['outbound'],
    unless: declaresMethod,
  },
];

export const ownedReaches: Rule = (tree) =>
  production(tree).flatMap(([path, source]) =>
    reaches
      .filter(({ allowed }) => !allowed.includes(folderOf(path)) && !allowed.includes(path.replace(/\.ts$/, '')))
      .flatMap(({ name, pattern, allowed, unless }) =>
        [...source.code.matchAll(pattern)]
          .filter((found) => !unless?.(source, found.index))
          .map((found) => ({
            where: at(path, source.lineAt(found.index)),
            what: `${found[0].trim()} is ${name}, which belongs to ${allowed.join(', ')}`,
          })),
      ),
  );

/** `fetch(request) {` in an object makes a method of that name; it calls nothing. */
function declaresMethod({ code }: Source, position: number): boolean {
  const open = code.indexOf('(', position);
  if (open < 0) return false;
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if (code[i] === '(') depth++;
    if (code[i] === ')' && --depth === 0) return /^\s*(?::[^;={]*)?\{/.test(code.slice(i + 1));
  }
  return false;
}
