import type { TagImmutability } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import { allWords, wordsFlag } from '../words.ts';

export const mutabilityModes = [
  'MUTABLE',
  'IMMUTABLE',
  'MUTABLE_WITH_EXCLUSION',
  'IMMUTABLE_WITH_EXCLUSION',
] as const satisfies readonly TagImmutability['mode'][];

export const exclusionsFlag = {
  ...wordsFlag,
  placeholder: 'filter…',
  brief: 'Tags to which the opposite applies, such as latest or dev-*; up to 5',
} as const;

/** A rule as a registry has it: all of it, so that a filter of the one before does not stay. */
export function immutabilityOf(
  flag: string,
  mode: TagImmutability['mode'],
  exclusions: (readonly string[])[] | undefined,
): TagImmutability {
  const filters = allWords(exclusions) ?? [];
  const takes = mode.endsWith('_WITH_EXCLUSION');
  if (takes && filters.length === 0) throw new UsageError(`${mode} takes filters: ${flag} latest 'dev-*'`);
  if (!takes && filters.length > 0) throw new UsageError(`${flag} goes with ${mode}_WITH_EXCLUSION`);
  return { mode, exclusionFilters: filters.map((filter) => ({ filterType: 'WILDCARD', filter })) };
}
