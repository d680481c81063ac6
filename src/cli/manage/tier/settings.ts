import { tierSettings } from '../../../tiers/index.ts';
import { UsageError } from '../../failure.ts';
import { allWords } from '../words.ts';

const units: Record<string, number> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/**
 * Reads `limits.tokens=200 features.anonymousPull=false rates.dataplaneRead.registry=none` into the properties that a
 * merge patch writes, or into `before` with that. Sizes may have a unit, `none` is no limit. UsageError for what is neither.
 */
export function settingsOf(
  given: readonly (readonly string[])[] | undefined,
  before: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const properties: Record<string, unknown> = structuredClone(before);
  for (const word of allWords(given) ?? []) {
    const at = word.indexOf('=');
    const path = at < 1 ? [] : word.slice(0, at).split('.');
    if (!tierSettings.includes(path.join('.'))) throw new UsageError(`--set: ${noSetting(word, path[0])}`);
    let place = properties;
    for (const part of path.slice(0, -1)) place = (place[part] ??= {}) as Record<string, unknown>;
    place[path.at(-1)!] = valueOf(word.slice(at + 1));
  }
  return properties;
}

function noSetting(word: string, part = ''): string {
  const said = `${JSON.stringify(word)} is no setting`;
  const names = tierSettings.filter((name) => name.startsWith(`${part}.`));
  if (names.length > 0) return `${said}; of ${part} there are ${names.join(', ')}`;
  return `${said}; write limits.NAME=VALUE, features.NAME=VALUE or rates.NAME=VALUE`;
}

function valueOf(text: string): number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  if (text === 'none') return -1;
  const [, digits, unit] = /^(-?\d{1,16})(KiB|MiB|GiB|TiB)?$/.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * (unit === undefined ? 1 : units[unit]!);
  throw new UsageError(
    `--set: ${JSON.stringify(text)} is no value; it is true, false, a number, a size such as 10GiB, or none`,
  );
}
