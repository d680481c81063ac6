import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { describeSettings, type Setting } from './settings.ts';

export interface ConfigSources {
  /** Path of a YAML file; undefined for none. */
  file?: string | undefined;
  environment: Record<string, string | undefined>;
  /** Values from the command line by dotted key; they win over the environment, which wins over the file. */
  flags?: Record<string, unknown>;
}

export interface LoadedConfig<T> {
  value: T;
  /** Where each value that is not a default came from, by dotted key: for `config check` and error messages. */
  origins: Map<string, string>;
  /** Environment variables that look like ours and name no setting. */
  unknownVariables: string[];
}

type Tree = Record<string, unknown>;

/** Reads, merges and validates; throws ConfigError with every problem at once. */
export function loadConfig<S extends z.ZodObject>(schema: S, sources: ConfigSources): LoadedConfig<z.output<S>> {
  const settings = describeSettings(schema);
  const origins = new Map<string, string>();
  const problems: string[] = [];
  const tree = sources.file === undefined ? {} : readTree(sources.file);
  if (sources.file !== undefined) for (const key of leaves(tree)) origins.set(key, sources.file);
  for (const setting of settings) {
    const found = fromEnvironment(setting, sources.environment, problems);
    if (!found) continue;
    assign(tree, setting.path, found.value);
    origins.set(setting.key, found.variable);
  }
  for (const [key, value] of Object.entries(sources.flags ?? {})) {
    if (value === undefined) continue;
    assign(tree, key.split('.'), value);
    origins.set(key, 'command line');
  }
  const result = schema.safeParse(tree);
  if (!result.success) problems.push(...result.error.issues.map((issue) => describeIssue(issue, origins)));
  if (problems.length > 0 || !result.success) throw new ConfigError(problems);
  return { value: result.data, origins, unknownVariables: unknownVariables(settings, sources.environment) };
}

function readTree(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`]);
  }
  try {
    // Aliases are bounded, so that a small file cannot unfold into a large one.
    const value: unknown = parse(text, { maxAliasCount: 20 });
    if (value === null || value === undefined) return {};
    if (typeof value === 'object' && !Array.isArray(value)) return value as Tree;
  } catch (error) {
    throw new ConfigError([`${file} is not valid YAML: ${(error as Error).message.split('\n')[0]}`]);
  }
  throw new ConfigError([`${file} must hold a mapping of settings`]);
}

/** A variable, or the content of the file that its `_FILE` twin names: the way to hand over a secret. */
function fromEnvironment(
  setting: Setting,
  environment: ConfigSources['environment'],
  problems: string[],
): { value: unknown; variable: string } | undefined {
  let { variable } = setting;
  if (variable === undefined) return undefined;
  let text = environment[variable];
  const file = environment[`${variable}_FILE`];
  if (text === undefined && file !== undefined) {
    variable = `${variable}_FILE`;
    try {
      text = readFileSync(file, 'utf8').trimEnd();
    } catch (error) {
      problems.push(`${setting.key}: cannot read the file that ${variable} names: ${(error as NodeJS.ErrnoException).code}`);
      return undefined;
    }
  }
  if (text === undefined) return undefined;
  if (setting.list) return { value: text.split(',').map((item) => item.trim()).filter(Boolean), variable };
  return { value: scalar(text), variable };
}

/** Booleans and whole numbers are written as such; everything else stays text. */
function scalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : text;
}

function assign(tree: Tree, path: readonly string[], value: unknown): void {
  let at = tree;
  for (const part of path.slice(0, -1)) {
    const next = at[part];
    at = (typeof next === 'object' && next !== null ? next : (at[part] = {})) as Tree;
  }
  at[path.at(-1)!] = value;
}

function leaves(tree: Tree, path: string[] = []): string[] {
  return Object.entries(tree).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? leaves(value as Tree, [...path, name])
      : [[...path, name].join('.')],
  );
}

/** Names the key and its source, never the value: it may be a secret. */
function describeIssue(issue: z.core.$ZodIssue, origins: Map<string, string>): string {
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.map((key) => [...issue.path, key].join('.'));
    return `${names.join(', ')}: there is no such setting (from ${origins.get(names[0]!) ?? 'the file'})`;
  }
  const key = issue.path.join('.');
  const origin = origins.get(key) ?? [...origins].find(([name]) => key.startsWith(`${name}.`))?.[1];
  return `${key || 'the configuration'}: ${issue.message}${origin ? ` (from ${origin})` : ''}`;
}

/** Test switches and what Kubernetes sets for a Service named `bonded` are not ours to judge. */
const foreign = /^BONDED_(?:TEST_|NO_SKIP$|FRESH_CLONE$|PORT(?:_|$)|SERVICE_)/;

function unknownVariables(settings: readonly Setting[], environment: ConfigSources['environment']): string[] {
  const known = new Set(settings.flatMap(({ variable }) => (variable ? [variable, `${variable}_FILE`] : [])));
  return Object.keys(environment).filter((name) => name.startsWith('BONDED_') && !known.has(name) && !foreign.test(name));
}
