import { extractorRevision, type FoundFile, type LayerInventory } from '../layer-inventory.ts';
import type { FoundPackage, OwnedFiles } from '../reader.ts';
import type { InventoryAnswer } from './protocol.ts';
import type { Warning } from '../warnings.ts';

/** What the process printed; undefined where it is no answer: that process has read what anybody has written. */
export function parseAnswer(printed: string): InventoryAnswer | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(printed);
  } catch {
    return undefined;
  }
  if (isInventory(answer)) return answer;
  return isObject<{ unreadable: string }>(answer) && typeof answer.unreadable === 'string'
    ? { unreadable: answer.unreadable }
    : undefined;
}

function isInventory(value: unknown): value is LayerInventory {
  if (!isObject<LayerInventory>(value)) return false;
  const { revision, files, hides, warnings, bytes, entries } = value;
  const plain = revision === extractorRevision && typeof hides === 'string' && isNumber(bytes) && isNumber(entries);
  return plain && Array.isArray(files) && files.every(isFile) && Array.isArray(warnings) && warnings.every(isWarning);
}

function isFile(value: unknown): value is FoundFile {
  if (!isObject<FoundFile>(value) || typeof value.path !== 'string' || typeof value.reader !== 'string') return false;
  const { packages, owns = [], os = {} } = value;
  return (
    Array.isArray(packages) && packages.every(isPackage) && Array.isArray(owns) && owns.every(isOwned) && areTexts(os)
  );
}

function isOwned(value: unknown): value is OwnedFiles {
  return (
    isObject<OwnedFiles>(value) && typeof value.by === 'string' && Array.isArray(value.paths) && areTexts(value.paths)
  );
}

function isPackage(value: unknown): value is FoundPackage {
  if (!isObject<FoundPackage>(value)) return false;
  const { type, name, version, source, licenses, qualifiers, ...rest } = value;
  const named = typeof type === 'string' && typeof name === 'string' && typeof version === 'string';
  return named && areTexts(source ?? {}) && areTexts(licenses ?? []) && areTexts(qualifiers ?? {}) && areTexts(rest);
}

function isWarning(value: unknown): value is Warning {
  return isObject<Warning>(value) && typeof value.code === 'string' && areTexts(value);
}

function areTexts(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string');
}

function isObject<Shape extends object>(value: unknown): value is Partial<Record<keyof Shape, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && value >= 0;
}
