import type { Answer } from './client.ts';

/** The server did what it must never do. */
export class Fault extends Error {
  override name = 'Fault';
}

/** The connection broke before the whole answer came: whether the change happened is open. */
export class Broken extends Error {
  override name = 'Broken';
}

/**
 * No fault: what the server rests on was away, or an upload had rested for too long. Whether the change happened is
 * open.
 */
export class Excused extends Error {
  override name = 'Excused';
}

export function describeAnswer({ status, bytes }: Answer): string {
  return `${status} ${new TextDecoder().decode(bytes.subarray(0, 300))}`;
}

/** Fails unless the answer has one of these statuses. */
export function mustAnswer(what: string, answer: Answer, ...statuses: number[]): Answer {
  if (!statuses.includes(answer.status)) throw new Fault(`${what} was answered with ${describeAnswer(answer)}`);
  return answer;
}
