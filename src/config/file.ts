import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ConfigError } from './config-error.ts';

export type Tree = Record<string, unknown>;

/** The settings of a YAML file. A key without a value (`gc:` above lines that are commented out) is as good as absent. */
export function readTree(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`]);
  }
  let value: unknown;
  try {
    // Aliases are bounded, so that a small file cannot unfold into a large one.
    value = parse(text, { maxAliasCount: 20 });
  } catch (error) {
    // The lines after the first quote the file, and with it perhaps a secret.
    throw new ConfigError([`${file} is not valid YAML: ${(error as Error).message.split('\n')[0]!.replace(/:$/, '')}`]);
  }
  if (value === null || value === undefined) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return withoutEmpty(value as Tree);
  throw new ConfigError([`${file} must hold a mapping of settings`]);
}

function withoutEmpty(tree: Tree): Tree {
  const entries = Object.entries(tree).filter(([, value]) => value !== null);
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      typeof value === 'object' && !Array.isArray(value) ? withoutEmpty(value as Tree) : value,
    ]),
  );
}
