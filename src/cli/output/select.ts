import { compile, type JSONValue, search, TreeInterpreter } from '@jmespath-community/jmespath';

/** Reads an expression, before anything is done whose outcome it could not show. Throws an Error where it is none. */
export function jmespath(query: string): string {
  compile(query);
  return query;
}

/** What a JMESPath expression finds in a value; null where it finds nothing. Throws an Error that quotes it. */
export function select(value: unknown, query: string): unknown {
  try {
    return search(value as JSONValue, query);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`--query ${JSON.stringify(query)} is no JMESPath for this: ${reason}`, { cause: error });
  }
}

/** The same, for expressions of our own that are used for many values. */
export function selector(query: string): (value: unknown) => unknown {
  const compiled = compile(query);
  return (value) => TreeInterpreter.search(compiled, value as JSONValue);
}
