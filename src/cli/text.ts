import {
  type ApplicationText,
  ArgumentScannerError,
  formatMessageForArgumentScannerError,
  text_en,
} from '@stricli/core';
import { ManagementClientError } from '../operations/index.ts';
import { ContentError, contentMessage } from './content/content-error.ts';
import { messageOf } from './failure.ts';

const kebab = (flag: string) => flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** What the system and SQLite call a lack of space, where nobody has said yet what it was needed for. */
const full = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE']);

const orMeant = (corrections: readonly string[]) =>
  corrections.length > 0 ? `; did you mean ${corrections.join(' or ')}?` : '';

/** How a command is not written as it must be. */
const misunderstood: Parameters<typeof formatMessageForArgumentScannerError>[1] = {
  FlagNotFoundError: ({ input, corrections }) =>
    `there is no flag --${input}${orMeant(corrections.map((flag) => `--${kebab(flag)}`))}`,
  AliasNotFoundError: ({ input }) => `there is no flag -${input}`,
  ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, input, exception }) =>
    `${name} cannot be ${JSON.stringify(input)}: ${exception instanceof Error ? exception.message : String(exception)}`,
  EnumValidationError: ({ externalFlagName, input, values }) =>
    `--${externalFlagName} cannot be ${JSON.stringify(input)}: it is one of ${values.join(', ')}`,
  UnsatisfiedFlagError: ({ externalFlagName, nextFlagName }) =>
    nextFlagName === undefined
      ? `--${externalFlagName} must be given, with a value`
      : `--${externalFlagName} must have a value before --${nextFlagName}`,
  UnexpectedPositionalError: ({ input }) => `${JSON.stringify(input)} is a word too many`,
  UnsatisfiedPositionalError: ({ placeholder }) => `${placeholder} must be given`,
  UnexpectedFlagError: ({ externalFlagName, previousInput, input }) =>
    `--${externalFlagName} is given twice, as ${JSON.stringify(previousInput)} and ${JSON.stringify(input)}`,
};

/** What the program says when a command cannot be run: one line, in the form of all its other errors. */
export const text: ApplicationText = {
  ...text_en,
  noCommandRegisteredForInput: ({ input, corrections }) =>
    `bonded: there is no command ${input}${orMeant(corrections) || '; bonded --help lists them'}`,
  exceptionWhileParsingArguments(error) {
    if (!(error instanceof ArgumentScannerError)) return `bonded: ${String(error)}`;
    const message = formatMessageForArgumentScannerError(error, misunderstood);
    return `bonded: ${message}${message.endsWith('?') ? '' : '; --help lists what there is'}`;
  },
  exceptionWhileRunningCommand(error) {
    if (error instanceof ManagementClientError) return `bonded: ${messageOf(error)}`;
    if (error instanceof ContentError) return `bonded: ${contentMessage(error)}`;
    const { code, message } = (error ?? {}) as { code?: string; message?: string };
    if (code !== undefined && full.has(code)) {
      return `bonded: no space is left where the data is (${message}); make room and try again`;
    }
    // A stack tells the operator nothing, but it is all there is of a fault of the program itself.
    const isFault = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
    return `bonded: ${isFault ? error.stack : error instanceof Error ? error.message : String(error)}`;
  },
};
