import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { readTree, type Tree } from './file.ts';
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
    const setting = settings.find((one) => one.key === key);
    if (!setting) problems.push(`${key}: there is no such setting (from command line)`);
    else if (setting.secret) problems.push(onCommandLine(setting));
    else if (setting.variable === undefined) problems.push(`${key}: only the file can set this (from command line)`);
    else assign(tree, setting.path, typeof value === 'string' ? read(setting, value) : scalar(setting, value));
    origins.set(key, 'command line');
  }
  const result = schema.safeParse(tree);
  if (!result.success) problems.push(...result.error.issues.map((issue) => describeIssue(issue, origins)));
  if (problems.length > 0 || !result.success) throw new ConfigError(problems);
  return { value: result.data, origins, unknownVariables: unknownVariables(settings, sources.environment) };
}

/** A variable, or the content of the file that its `_FILE` twin names: the way to hand over a secret. Empty is unset. */
function fromEnvironment(
  setting: Setting,
  environment: ConfigSources['environment'],
  problems: string[],
): { value: unknown; variable: string } | undefined {
  const { key, variable } = setting;
  if (variable === undefined) return undefined;
  const text = environment[variable];
  const file = environment[`${variable}_FILE`];
  if (!file) return text ? { value: read(setting, text), variable } : undefined;
  if (text) {
    problems.push(`${key}: both ${variable} and ${variable}_FILE are set; one of them must go`);
    return undefined;
  }
  try {
    return { value: read(setting, readFileSync(file, 'utf8').trimEnd()), variable: `${variable}_FILE` };
  } catch (error) {
    problems.push(`${key}: cannot read the file that ${variable}_FILE names: ${(error as NodeJS.ErrnoException).code}`);
    return undefined;
  }
}

/** Every user of the machine can read the arguments of a process. */
function onCommandLine({ key, variable }: Setting): string {
  return (
    `${key}: a secret on the command line can be read by everyone on the machine; ` +
    `use ${variable}_FILE (from command line)`
  );
}

/** A text as the kind of value that the setting has; what cannot be one stays text, and is refused as such. */
function read(setting: Setting, text: string): unknown {
  if (setting.reads === 'list')
    return text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);
  if (setting.reads === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  if (setting.reads === 'number' && /^-?[0-9]{1,15}$/.test(text)) return Number(text);
  return text;
}

/** A command line may have read `data=5` as a number. */
function scalar(setting: Setting, value: unknown): unknown {
  const simple = typeof value === 'number' || typeof value === 'boolean';
  return setting.reads === 'text' && simple ? `${value}` : value;
}

function assign(tree: Tree, path: readonly string[], value: unknown): void {
  let at = tree;
  for (const part of path.slice(0, -1)) {
    const next = (at[part] ??= {});
    // The file has something else here; the schema will say so.
    if (typeof next !== 'object' || next === null || Array.isArray(next)) return;
    at = next as Tree;
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
    return `${names.join(', ')}: there is no such setting${from(originOf(names[0]!, origins))}`;
  }
  const key = issue.path.join('.');
  return `${key || 'the configuration'}: ${issue.message}${from(originOf(key, origins))}`;
}

const from = (origin: string | undefined) => (origin === undefined ? '' : ` (from ${origin})`);

/** Of the key itself, of the list that it is an item of, or of something below it. */
function originOf(key: string, origins: Map<string, string>): string | undefined {
  const related = ([name]: [string, string]) => key.startsWith(`${name}.`) || name.startsWith(`${key}.`);
  return origins.get(key) ?? [...origins].find(related)?.[1];
}

/** What tells commands where and as whom to log in, test switches, and what Kubernetes sets for a Service named `bonded`. */
const foreign =
  /^BONDED_(?:SERVER$|REGISTRY$|OUTPUT$|PROGRESS$|USERNAME$|PASSWORD$|TOKEN_FILE$|ID_TOKEN$|LOGIN_(?:AUDIENCE|CLIENT_ID|ISSUER)$|TEST_|CONFIG$|NO_SKIP$|FRESH_CLONE$|PORT(?:_|$)|SERVICE_)/;

function unknownVariables(settings: readonly Setting[], environment: ConfigSources['environment']): string[] {
  const known = new Set(settings.flatMap(({ variable }) => (variable ? [variable, `${variable}_FILE`] : [])));
  return Object.keys(environment).filter(
    (name) => name.startsWith('BONDED_') && !known.has(name) && !foreign.test(name),
  );
}
