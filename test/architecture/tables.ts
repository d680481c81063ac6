import { at, folderOf, production, type Rule, type Tree, type Violation } from './tree.ts';

/** Table names that other folders may use all the same, each with its reason. */
const exceptions: readonly { table: string; folder: string; reason: string }[] = [];

/** One owner per table: the folder that declares it in its `tables.ts`. Only that folder's SQL may name it. */
export const tableOwners: Rule = (tree) => {
  const { owners, violations } = declared(tree);
  for (const [path, source] of production(tree)) {
    const folder = folderOf(path);
    const uses = source.literals.flatMap(({ at: position, text }) => {
      const named = isArgumentOfQuery(source.code, position) ? [text.split(/\s/)[0]!] : tablesInSql(text);
      return named.map((table) => ({ table, position }));
    });
    for (const { table, position } of uses) {
      const owner = owners.get(table);
      if (owner === undefined || owner === folder) continue;
      if (exceptions.some((one) => one.table === table && one.folder === folder)) continue;
      violations.push({ where: at(path, source.lineAt(position)), what: `names the table ${table} of ${owner}` });
    }
  }
  return violations;
};

/** The keys of `interface Tables` in every `declare module '…/database/tables.ts'`. */
function declared(tree: Tree): { owners: Map<string, string>; violations: Violation[] } {
  const owners = new Map<string, string>();
  const violations: Violation[] = [];
  for (const [path, source] of production(tree)) {
    const start = /\binterface\s+Tables\s*\{/.exec(source.code);
    if (!start) continue;
    let depth = 1;
    let key = '';
    for (let i = start.index + start[0].length; i < source.code.length && depth > 0; i++) {
      const char = source.code[i]!;
      if (char === ':' && depth === 1) {
        const table = key.trim();
        const other = owners.get(table);
        if (other) violations.push({ where: at(path, source.lineAt(i)), what: `${table} is declared by ${other} too` });
        if (!path.endsWith('/tables.ts'))
          violations.push({ where: at(path, source.lineAt(i)), what: 'declares tables' });
        owners.set(table, folderOf(path));
      }
      if (char === '{') depth++;
      if (char === '}') depth--;
      key = depth === 1 && /[\w\s]/.test(char) ? key + char : depth === 1 && char === ':' ? key : '';
    }
  }
  return { owners, violations };
}

/** The first argument of a Kysely call that takes a table, or `Tables['…']`. */
function isArgumentOfQuery(code: string, position: number): boolean {
  const before = code.slice(Math.max(0, position - 60), position);
  return /(?:\b(?:selectFrom|insertInto|replaceInto|updateTable|deleteFrom|mergeInto|using|from|(?:inner|left|right|full|cross)Join|(?:create|alter|drop)Table)\s*\(\s*\[?\s*|\bTables\s*\[\s*|\bsql\s*\.\s*table\s*\(\s*)$/.test(
    before,
  );
}

/** The tables that a piece of SQL names. Lower-case words count only where the text begins as a statement does. */
function tablesInSql(text: string): string[] {
  const isStatement = /^\s*(?:select|insert|update|delete|with|create|alter|drop|truncate|merge)\b/i.test(text);
  const clause =
    /\b(?:FROM|JOIN|INTO|UPDATE|TABLE(?: IF (?:NOT )?EXISTS)?|INDEX\s+\S+\s+ON|TRUNCATE|ONLY|USING)\s+"?([a-z_][a-z0-9_]*)"?/;
  return [...text.matchAll(new RegExp(clause, isStatement ? 'gi' : 'g'))].map((found) => found[1]!);
}
