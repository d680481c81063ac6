import { proposeRegistries } from '../completion/propose.ts';
import { outputAliases, type OutputFlags, outputFlags } from '../output/index.ts';

/** Flags of all commands that speak to the management API. */
export interface CommonFlags extends OutputFlags {
  server?: string;
  resourceGroup?: string;
}

export const textFlag = { kind: 'parsed', parse: String, optional: true } as const;
export const requiredText = { kind: 'parsed', parse: String } as const;

export const commonFlags = {
  ...outputFlags,
  server: {
    ...textFlag,
    placeholder: 'host',
    brief: 'Server to speak to (default $BONDED_SERVER, bonded config, else 127.0.0.1:5000)',
  },
  // Taken so that commands that were written for az work as they are.
  resourceGroup: { ...textFlag, hidden: true, placeholder: 'bonded', brief: 'There is one, called bonded' },
} as const;

export const commonAliases = { ...outputAliases, g: 'resourceGroup' } as const;

/** Which registry a command is about. */
export interface RegistryFlag {
  registry?: string;
}

export const registryFlag = {
  registry: {
    ...textFlag,
    placeholder: 'name',
    brief: 'Registry (default: the one of the server)',
    proposeCompletions: proposeRegistries,
  },
} as const;

export interface NameFlag {
  name: string;
}

export interface ConfirmFlag {
  yes: boolean;
}

export const confirmFlag = {
  yes: { kind: 'boolean', default: false, withNegated: false, brief: 'Do not ask whether to go on' },
} as const;

/** `--flag`, `--flag true`, `--flag false`, as `az` writes what is yes, no or left as it is. */
export const yesNoFlag = {
  kind: 'parsed',
  parse: yesNo,
  inferEmpty: true,
  optional: true,
  proposeCompletions: () => ['true', 'false'],
  placeholder: 'true|false',
} as const;

function yesNo(text: string): boolean {
  const word = text.toLowerCase();
  if (['', 'true', 'yes', 'on', '1'].includes(word)) return true;
  if (['false', 'no', 'off', '0'].includes(word)) return false;
  throw new Error('it is true or false');
}
