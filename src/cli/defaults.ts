import { readFileSync } from 'node:fs';
import { isJson } from './credentials/json-file.ts';
import { placesOf } from './credentials/places.ts';
import { outputFormats } from './output/flags.ts';
import { registryAddress } from './registry-address.ts';
import { UsageError } from './usage-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What commands take where no flag says otherwise. */
export interface Default {
  key: DefaultKey;
  /** What it is for. */
  brief: string;
  /** Says it for one shell, and goes before the file. */
  variable: string;
  /** Throws an Error that says what it must be. */
  check(value: string): void;
}

export type DefaultKey = 'server' | 'registry' | 'output' | 'progress';

export const defaults: readonly Default[] = [
  {
    key: 'server',
    brief: 'Server to speak to',
    variable: 'BONDED_SERVER',
    check: (value) => void registryAddress(value),
  },
  {
    key: 'registry',
    brief: 'Registry that is meant, by its name or its login server',
    variable: 'BONDED_REGISTRY',
    check(value) {
      if (!/^[a-z0-9]{1,50}$/i.test(value)) registryAddress(value);
    },
  },
  { key: 'output', brief: 'How to print', variable: 'BONDED_OUTPUT', check: oneOf(outputFormats) },
  {
    key: 'progress',
    brief: 'Whether long work shows how far it is',
    variable: 'BONDED_PROGRESS',
    check: oneOf(['on', 'off']),
  },
];

function oneOf(values: readonly string[]) {
  return (value: string) => {
    if (!values.includes(value)) throw new Error(`it is one of ${values.join(', ')}`);
  };
}

/** A default that holds, and where it is said. */
export interface FoundDefault {
  value: string;
  /** The variable, or the file. */
  source: string;
}

/** What holds where no flag says otherwise. Throws an Error where it is said and is none, or the file is no JSON. */
export function defaultOf({ environment }: { environment: Environment }, key: DefaultKey): FoundDefault | undefined {
  const { variable, check } = defaults.find((one) => one.key === key)!;
  const named = environment[variable];
  const file = placesOf(environment).defaults;
  const value = named || storedDefaults(file)[key];
  if (value === undefined) return undefined;
  const source = named ? variable : file;
  try {
    check(value);
  } catch (error) {
    throw new UsageError(`${source}: ${key} cannot be ${JSON.stringify(value)}: ${(error as Error).message}`);
  }
  return { value, source };
}

/** What `bonded config set` has kept. */
export function storedDefaults(file: string): Partial<Record<string, string>> {
  let text: string;
  try {
    // Read by every command, once: not worth a promise in each of those that ask.
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!isJson(value)) throw new UsageError(`${file} is no JSON object; mend or remove it`);
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
