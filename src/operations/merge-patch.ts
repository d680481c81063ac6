import { ManagementError } from './management-error.ts';

/** Nobody writes JSON that is nested deeper. */
const deepest = 32;

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * JSON Merge Patch (RFC 7396): what is null is taken away, objects are merged, everything else is replaced. Neither
 * argument is changed.
 */
export function mergePatch(target: unknown, patch: unknown, depth = 0): unknown {
  if (!isObject(patch)) return patch;
  if (depth > deepest) {
    throw new ManagementError('InvalidRequestContent', `the request content is nested deeper than ${deepest} levels`);
  }
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value, depth + 1));
  }
  // Defines properties and never sets them: `__proto__` is a name like others.
  return Object.fromEntries(merged);
}

/** The value at a dotted path. */
export function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const name of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** A copy without the value at a dotted path. */
export function without(object: JsonObject, path: string): JsonObject {
  const [name, ...rest] = path.split('.');
  const inner = object[name!];
  const others = Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
  return rest.length > 0 && isObject(inner) ? { ...others, [name!]: without(inner, rest.join('.')) } : others;
}
