import type { ErrorDetail, ErrorEnvelope } from './management-error.ts';

/** What a management API refused, with its own code and words. */
export class ManagementClientError extends Error {
  override readonly name = 'ManagementClientError';
  readonly status: number;
  readonly code: string;
  readonly target: string | undefined;
  readonly details: readonly ErrorDetail[];

  constructor(status: number, { code, message, target, details }: ErrorEnvelope['error']) {
    super(message);
    this.status = status;
    this.code = code;
    this.target = target;
    this.details = details ?? [];
  }
}

/** The error of an answer; one that is not of this API, such as a proxy's, is told by its status. */
export async function errorOf(answer: Response): Promise<ManagementClientError> {
  const text = (await answer.text()).slice(0, 65_536);
  try {
    const { error } = JSON.parse(text) as Partial<ErrorEnvelope>;
    if (typeof error?.code === 'string' && typeof error.message === 'string') {
      return new ManagementClientError(answer.status, error);
    }
  } catch {
    // No JSON: nobody of ours wrote it.
  }
  return new ManagementClientError(answer.status, {
    code: `HTTP ${answer.status}`,
    message: `the server answered ${answer.status} without saying why; is this the address of the registry?`,
  });
}
