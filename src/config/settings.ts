import { z } from 'zod';

/** One leaf of the configuration schema. */
export interface Setting {
  /** Dotted path in the file: `gc.delay`. */
  key: string;
  path: string[];
  /** Environment variable, such as `BONDED_GC_DELAY`; undefined for what only the file can express. */
  variable: string | undefined;
  /** What a text from the environment or the command line is read as. */
  reads: 'text' | 'number' | 'boolean' | 'list';
  /** Whether the value is a list, written with commas in the environment. */
  list: boolean;
  /** Whether the value is a secret (`.meta({ secret: true })`), which no command line may hold. */
  secret: boolean;
  description: string;
  /** The default as it would be written; undefined where there is none. */
  defaultValue: unknown;
}

/** All settings of a schema in order; what the file, the environment and the reference page have in common. */
export function describeSettings(schema: z.ZodObject, path: string[] = []): Setting[] {
  return Object.entries(schema.shape).flatMap(([name, type]) => {
    const here = [...path, name];
    const { inner, defaultValue } = unwrap(type as z.ZodType);
    if (inner instanceof z.ZodObject) return describeSettings(inner, here);
    return [
      {
        key: here.join('.'),
        path: here,
        variable: isFlat(inner) ? variableOf(here) : undefined,
        reads: readsOf(inner),
        list: inner instanceof z.ZodArray,
        secret: (type as z.ZodType).meta()?.['secret'] === true,
        description: (type as z.ZodType).description ?? inner.description ?? '',
        defaultValue,
      },
    ];
  });
}

function variableOf(path: readonly string[]): string {
  return `BONDED_${path.map((part) => part.replaceAll(/[A-Z]/g, '_$&').toUpperCase()).join('_')}`;
}

function readsOf(type: z.ZodType): Setting['reads'] {
  if (type instanceof z.ZodArray) return 'list';
  if (type instanceof z.ZodNumber) return 'number';
  return type instanceof z.ZodBoolean ? 'boolean' : 'text';
}

function isFlat(type: z.ZodType): boolean {
  return !(type instanceof z.ZodArray && unwrap(type.element as z.ZodType).inner instanceof z.ZodObject);
}

function unwrap(type: z.ZodType): { inner: z.ZodType; defaultValue: unknown } {
  let inner = type;
  let defaultValue: unknown;
  for (;;) {
    if (inner instanceof z.ZodPrefault || inner instanceof z.ZodDefault) {
      defaultValue ??= inner.def.defaultValue;
      inner = inner.def.innerType as z.ZodType;
    } else if (inner instanceof z.ZodOptional) {
      inner = inner.def.innerType as z.ZodType;
    } else if (
      inner instanceof z.ZodPipe &&
      inner.def.in instanceof z.ZodType &&
      !(inner.def.in instanceof z.ZodUnion)
    ) {
      inner = inner.def.in;
    } else return { inner, defaultValue };
  }
}
