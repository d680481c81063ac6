import { sql } from 'kysely';
import type { Database, Parameter } from '../database/index.ts';
import type { Recorded } from './exercise.double.ts';
import type { Statement } from './statements.double.ts';

/** How a database would run a statement, as it says itself. */
export interface Plan {
  operation: string;
  statement: string;
  plan: string[];
  /** What PostgreSQL expects it to cost with the parameters that it had; 0 on SQLite. */
  cost: number;
  /** A column of an index of PostgreSQL that is not asked for, though one behind it is: all its values are read. */
  skips: string | undefined;
}

/**
 * Plans of all distinct statements, in the order in which they came. `generic`: on PostgreSQL, those that it makes without
 * looking at parameters, as it may for a statement that is prepared.
 */
export async function plansOf(db: Database, recorded: Recorded, { generic = false } = {}): Promise<Plan[]> {
  const plans: Plan[] = [];
  const seen = new Set<string>();
  const indexes = await indexesOf(db);
  for (const [operation, statements] of recorded) {
    for (const statement of statements) {
      const text = statement.text.replaceAll(/\s+/g, ' ').trim();
      if (seen.has(text) || hasNoPlan.test(text)) continue;
      seen.add(text);
      const asked = { ...statement, text };
      const plan = await planOf(db, asked, generic);
      // Without looking, a limit is a tenth of all rows to it: the plan may be right, and its cost says nothing.
      const costed = generic && limited.test(text) ? await planOf(db, asked, false) : plan;
      const cost = Number(/cost=[\d.]+\.\.([\d.]+)/.exec(costed[0] ?? '')?.[1] ?? 0);
      plans.push({ operation, statement: text, plan, cost, skips: skippedColumn(plan, indexes) });
    }
  }
  return plans;
}

const hasNoPlan = /^(?:SET LOCAL|LOCK TABLE) /;

type Indexes = ReadonlyMap<string, readonly string[]>;

/** The columns of each index of PostgreSQL. */
async function indexesOf(db: Database): Promise<Indexes> {
  if (db.dialect === 'sqlite') return new Map();
  const rows = await db.all<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE schemaname = current_schema()`,
    [],
  );
  return new Map(rows.map(({ name, definition }) => [name, /\(([^()]+)\)/.exec(definition)![1]!.split(', ')]));
}

function skippedColumn(plan: readonly string[], indexes: Indexes): string | undefined {
  for (const [at, line] of plan.entries()) {
    const index = /\bScan using (\w+) on/.exec(line)?.[1];
    const condition = index && /Index Cond: (.*)/.exec(plan[at + 1] ?? '')?.[1];
    if (!condition) continue;
    const columns = indexes.get(index) ?? [];
    const asked = columns.map((column) => new RegExp(`\\b${column.replaceAll('"', '')}\\b`).test(condition));
    // Behind a digest there is little to read.
    const until = asked[columns.indexOf('digest')] ? columns.indexOf('digest') : columns.length;
    const skipped = asked.findIndex((is, n) => !is && n < until && asked.indexOf(true, n) > n);
    if (skipped >= 0) return `${columns[skipped]} of ${index}`;
  }
  return undefined;
}

const limited = /\blimit (?:\?|\$)/i;

async function planOf(db: Database, { text, parameters }: Statement, generic: boolean): Promise<string[]> {
  if (db.dialect === 'sqlite') {
    const lines = await db.all<{ id: number; parent: number; detail: string }>(
      `EXPLAIN QUERY PLAN ${text}`,
      parameters,
    );
    const depth = new Map([[0, 0]]);
    return lines.map(({ id, parent, detail }) => {
      depth.set(id, (depth.get(parent) ?? 0) + 1);
      return '  '.repeat(depth.get(id)! - 1) + detail;
    });
  }
  if (!generic || parameters.length === 0) return linesOf(await db.all(`EXPLAIN ${text}`, parameters));
  return db.write(async (tx) => {
    const typed = text.includes('$1') ? text : numbered(text);
    await sql.raw(`SET LOCAL plan_cache_mode = force_generic_plan`).execute(tx);
    await sql.raw(`PREPARE planned AS ${typed}`).execute(tx);
    // Values are not looked at, but must be of the right type.
    const values = parameters.map(literal).join(', ');
    const { rows } = await sql.raw<PlanLine>(`EXPLAIN EXECUTE planned(${values})`).execute(tx);
    await sql.raw('DEALLOCATE planned').execute(tx);
    return linesOf(rows);
  });
}

interface PlanLine {
  'QUERY PLAN': string;
}

const linesOf = (rows: PlanLine[]): string[] => rows.map((row) => row['QUERY PLAN']);

function numbered(text: string): string {
  let count = 0;
  return text.replaceAll('?', () => `$${++count}`);
}

function literal(value: Parameter): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : `'\\x'`;
}

/** What PostgreSQL may expect a statement to cost, for itself and for each parameter; a page counts 1 to 4. */
const mostCost = [250, 8] as const;
/** Rows that may be sorted: those of a list of digests that was sent. */
const mostSorted = 600;

/** Why a plan does not stay cheap however much is stored; undefined when it does. */
export function faultOf({ operation, statement, plan, cost }: Plan): string | undefined {
  // What is small may be read whole.
  if (small.test(statement) && !/\bJOIN\b/.test(statement)) return undefined;
  for (const line of plan) {
    // Rows of a part of the statement itself, which has lines of its own.
    const own = /^\s*SCAN (\w+)$/.exec(line)?.[1];
    if (own !== undefined && plan.some((other) => other.trim() === `CO-ROUTINE ${own}`)) continue;
    const fault = faultOfLine(line.trim(), statement);
    if (fault !== undefined) return `${fault}: ${line.trim()}`;
  }
  // Pages of rows, the costs of which it cannot tell.
  if (operation === 'compare all facts') return undefined;
  const parameters = statement.match(/\?|\$\d/g)?.length ?? 0;
  return cost > mostCost[0] + mostCost[1] * parameters ? `costs ${cost}` : undefined;
}

/** Few rows by their nature: one a registry, one a subscriber. */
const small = /\b(?:FROM|INTO) "?(?:registries|event_cursors)\b/i;
/** Rows that a statement brings itself, or that were found before. */
const given = /\b(?:subquery|CONSTANT ROWS?|VALUES CLAUSE)\b/i;

function faultOfLine(line: string, statement: string): string | undefined {
  if (/^SCAN\b/.test(line) && !given.test(line) && !firstOf(line, statement)) return 'reads a whole table';
  if (/^(?:->\s*)?(?:Parallel )?Seq Scan/.test(line)) return 'reads a whole table';
  if (/TEMP B-TREE/.test(line)) return 'sorts';
  if (/^(?:->\s*)?(?:Incremental )?Sort\b/.test(line) && Number(/rows=(\d+)/.exec(line)?.[1]) > mostSorted)
    return 'sorts';
  // Found by what many repositories may have.
  if (/^Filter: .*\brepository_id = /.test(line)) return 'reads what other repositories have';
  if (/^Index Cond: \(\(repository_id = [^)]*\) AND \(kind = [^)]*\)\)$/.test(line))
    return 'reads all candidates of a repository';
  // All rows of a repository, unless it is the first of them that are wanted.
  const whole = /\((?:repository_id=\?(?: AND subject_digest>\?)?|repository_id[<>]\?.*)\)/.test(line);
  if (whole && !/\b(?:LIMIT|NOT EXISTS)\b/i.test(statement)) return 'reads all of a repository';
  return undefined;
}

/** The first rows of an index, in its order. */
function firstOf(line: string, statement: string): boolean {
  return /USING (?:COVERING )?INDEX/.test(line) && /\bORDER BY\b.*\bLIMIT\b/i.test(statement);
}
