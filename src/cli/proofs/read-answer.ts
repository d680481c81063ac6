import { shown } from '../registry-address.ts';

/** How long something on this machine, or beside it, may take to say that it is there (ms). */
export const probeMs = 1500;

/** The JSON object of an answer; empty where there is none. */
export async function objectOf(answer: Response): Promise<Record<string, unknown>> {
  try {
    const body: unknown = await answer.json();
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A text field of an answer that must be there. Throws an Error that says who answered what instead. */
export async function fieldOf(answer: Response, name: string, who: string): Promise<string> {
  const body = await objectOf(answer);
  const value = body[name];
  if (answer.ok && typeof value === 'string' && value !== '') return value;
  const why = body['error_description'] ?? body['message'] ?? body['error'];
  const said = typeof why === 'string' ? `: ${shown(why)}` : '';
  throw new Error(`${who} gives no token (${answer.status})${said}`);
}

/** The answer of something that may not be there: undefined where nobody answers. */
export async function ifThere(asking: Promise<Response>): Promise<Response | undefined> {
  return asking.catch(() => undefined);
}
