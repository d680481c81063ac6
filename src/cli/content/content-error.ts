import { shown } from '../output/index.ts';

/** Bytes of an answer that are looked at for the reason of a refusal. */
const longestBody = 65_536;

/** What a registry refused, with its own code and words (distribution-spec "Error Codes"). */
export class ContentError extends Error {
  override readonly name = 'ContentError';
  readonly status: number;
  readonly code: string;
  /** Under which the log of the server has it. */
  readonly requestId: string | undefined;

  constructor(status: number, code: string, message: string, requestId?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

/** The error of an answer; one that is not of a registry, such as a proxy's, is told by its status. */
export async function contentError(answer: Response): Promise<ContentError> {
  const { status, headers } = answer;
  const requestId = headers.get('x-ms-correlation-request-id') ?? undefined;
  const [first, ...others] = errorsIn((await answer.text()).slice(0, longestBody));
  if (first === undefined) {
    const message = `the server answered ${status} without saying why; is this the address of a registry?`;
    return new ContentError(status, `HTTP ${status}`, message, requestId);
  }
  const words = [first, ...others.slice(0, 9)].map(({ code, message }) => message || code);
  return new ContentError(status, first.code, words.join('; '), requestId);
}

/** One line for people: what was refused, and where the server's log says more. */
export function contentMessage({ message, requestId }: ContentError): string {
  const id = requestId === undefined ? '' : ` (request ${requestId})`;
  return shown(`${message.slice(0, 4000)}${id.slice(0, 200)}`);
}

function errorsIn(text: string): { code: string; message: string }[] {
  try {
    const { errors } = JSON.parse(text) as { errors?: unknown };
    if (!Array.isArray(errors)) return [];
    return (errors as unknown[]).flatMap((error) => {
      const { code, message = '' } = (error ?? {}) as { code?: unknown; message?: unknown };
      return typeof code === 'string' && typeof message === 'string' ? [{ code, message }] : [];
    });
  } catch {
    // No JSON: nobody of ours wrote it.
    return [];
  }
}
