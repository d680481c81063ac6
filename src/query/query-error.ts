/** What is wrong with a query, and where in its text. The parser and the planner throw nothing else. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  /** Offset in the text, from 0. */
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}
