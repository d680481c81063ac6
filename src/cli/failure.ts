import { ManagementClientError } from '../operations/index.ts';
import { ContentError } from './content/content-error.ts';
import { missingText } from './missing.ts';
import { shown } from './output/index.ts';
import { UsageError } from './usage-error.ts';

export { UsageError } from './usage-error.ts';

/** There is nothing of a name. */
export function notFound(message: string): ManagementClientError {
  return new ManagementClientError(404, { code: 'ResourceNotFound', message });
}

/** What a shell learns, as of `az`: 2 a command that is not right, 3 what is not there, 1 everything else. */
export const exitCodes = { failed: 1, usage: 2, notFound: 3 } as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  const isRefusal = error instanceof ManagementClientError || error instanceof ContentError;
  if (isRefusal && error.status === 404) return exitCodes.notFound;
  return exitCodes.failed;
}

/** What a server refused, in one line: its message, and each of the reasons that it adds. */
export function messageOf({ code, status, message, details }: ManagementClientError): string {
  const missing = status === 404 ? missingText(message) : undefined;
  if (missing !== undefined) return shown(missing);
  const reasons = details.map((detail) => detail.message).filter((reason) => !message.includes(reason));
  const text = [message, ...reasons].join('; ');
  return shown(text === '' ? code : text).slice(0, 4000);
}
