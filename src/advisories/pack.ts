import { packJson, unpackJson } from '../database/index.ts';
import type { OsvAffected } from './osv.ts';

/** Advisories are text that says the same over and over: level 3. */
export const pack = (value: unknown): Uint8Array => packJson(value, 3);
export const unpack = unpackJson;

/** What an entry of `affected` says beside packages and versions. */
export type Said = Pick<OsvAffected, 'severity' | 'ecosystem_specific' | 'database_specific'>;

/** An entry as its two columns: whoever shows what is known need not unpack thousands of versions. */
export function packEntry(entry: OsvAffected): [entry: Uint8Array, said: string] {
  const { severity, ecosystem_specific: specific, database_specific: own, ...rest } = entry;
  const said: Said = {
    ...(severity && { severity }),
    ...(specific && { ecosystem_specific: specific }),
    ...(own && { database_specific: own }),
  };
  return [pack(rest), Object.keys(said).length === 0 ? '' : JSON.stringify(said)];
}

export function unpackSaid(text: string): Said {
  return text === '' ? {} : (JSON.parse(text) as Said);
}

export function unpackEntry({ entry, said }: { entry: Uint8Array; said: string }): OsvAffected {
  return { ...unpack<OsvAffected>(entry), ...unpackSaid(said) };
}
