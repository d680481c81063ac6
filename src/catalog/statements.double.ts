import type { KyselyPlugin } from 'kysely';
import type { Database, LookUps, Parameter, Transaction } from '../database/index.ts';

/** A statement that an operation sent to the database. */
export interface Statement {
  text: string;
  parameters: readonly Parameter[];
}

/** The database, which hands over every statement that passes. */
export function recording(db: Database, note: (statement: Statement) => void): Database {
  const queries = (tx: Transaction): KyselyPlugin => ({
    transformQuery({ node, queryId }) {
      const { sql: text, parameters } = tx.getExecutor().compileQuery(node, queryId);
      note({ text, parameters: parameters as Parameter[] });
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const noting =
    <R>(statement: (text: string, parameters: readonly Parameter[]) => R) =>
    (text: string, parameters: readonly Parameter[]): R => {
      note({ text, parameters });
      return statement(text, parameters);
    };
  const lookUps = ({ first, all }: LookUps) => ({ first: noting(first), all: noting(all) }) as unknown as LookUps;
  return {
    ...db,
    ...lookUps(db),
    change(text, parameters, options) {
      note({ text, parameters });
      return db.change(text, parameters, options);
    },
    read: db.read.withPlugin(queries(db.read as Transaction)),
    write: (action, options) =>
      db.write((tx) => {
        const { run, send } = tx;
        return action(Object.assign(tx.withPlugin(queries(tx)), lookUps(tx), { run: noting(run), send: noting(send) }));
      }, options),
  };
}
