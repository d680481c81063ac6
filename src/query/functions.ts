import { mostListed, mostMade } from './bounds.ts';
import { as, type Compiled, computed, constant, nameOfType } from './compiled.ts';
import { QueryError } from './query-error.ts';
import { textOfTime, textOfTimespan } from './times.ts';
import { boolOf, dateOf, numberOf, textOf, type Value } from './values.ts';

type Make = (at: number, given: readonly Compiled[], now: number) => Compiled;

interface Made {
  /** How many values it takes. */
  takes: readonly [least: number, most: number];
  make: Make;
}

const taking = (least: number, most: number, make: Make): Made => ({ takes: [least, most], make });

const isBlank = (value: Value) =>
  value === null || value === '' || (typeof value === 'object' && textOf(value).length <= 2);

function text(change: (text: string) => Value, type: 'string' | 'number' = 'string'): Made {
  return taking(1, 1, (at, [given]) => {
    const one = as('string', given!);
    return computed(at, type, [one], (row) => change(one.evaluate(row) as string));
  });
}

function blank(isIt: boolean, decide: (value: Value) => boolean): Made {
  return taking(1, 1, (at, [one]) => computed(at, 'bool', [one!], (row) => decide(one!.evaluate(row)) === isIt));
}

/** Of what is a text, or dynamic. */
function conversion(type: 'number' | 'datetime' | 'bool', read: (value: Value) => Value): Made {
  return taking(1, 1, (at, [one]) => {
    if (one!.type === type) return one!;
    if (one!.type !== 'string' && one!.type !== 'dynamic' && !(type === 'number' && one!.type === 'bool'))
      throw new QueryError(one!.at, `${nameOfType[one!.type]} cannot become ${nameOfType[type]}`);
    return computed(at, type, [one!], (row) => read(one!.evaluate(row)));
  });
}

/** Down to the next multiple, of numbers and of times, as Kusto's `bin`. */
const bin = taking(2, 2, (at, [value, size]) => {
  const isTime = value!.type === 'datetime' || value!.type === 'timespan';
  const one = isTime ? value! : as('number', value!);
  const by = as(isTime ? 'timespan' : 'number', size!);
  return computed(at, one.type, [one, by], (row) => {
    const [whole, step] = [one.evaluate(row) as number | null, by.evaluate(row) as number | null];
    return whole === null || step === null || step <= 0 ? null : Math.floor(whole / step) * step;
  });
});

const tostring = taking(1, 1, (at, [one]) =>
  computed(at, 'string', [one!], (row) => written(one!, one!.evaluate(row))),
);

function written({ type }: Compiled, value: Value): string {
  if (typeof value === 'number' && type === 'datetime') return textOfTime(value) ?? '';
  if (typeof value === 'number' && type === 'timespan') return textOfTimespan(value);
  return textOf(value);
}

const strcat = taking(1, mostListed, (at, given) => {
  return computed(at, 'string', given, (row) => {
    let made = '';
    for (const one of given) {
      made += written(one, one.evaluate(row));
      if (made.length > mostMade) return made.slice(0, mostMade);
    }
    return made;
  });
});

const arrayLength = taking(1, 1, (at, [one]) => {
  const list = as('dynamic', one!);
  return computed(at, 'number', [list], (row) => {
    const value = list.evaluate(row);
    return Array.isArray(value) ? value.length : null;
  });
});

const functions: Readonly<Record<string, Made>> = {
  ago: taking(1, 1, (at, [one], now) => {
    const span = as('timespan', one!);
    return computed(at, 'datetime', [span], (row) => now - (span.evaluate(row) as number));
  }),
  now: taking(0, 0, (at, _, now) => constant(at, 'datetime', now)),
  not: taking(1, 1, (at, [one]) => {
    const truth = as('bool', one!);
    return computed(at, 'bool', [truth], (row) => {
      const value = truth.evaluate(row);
      return value === null ? null : !value;
    });
  }),
  isempty: blank(true, isBlank),
  isnotempty: blank(false, isBlank),
  isnull: blank(true, (value) => value === null),
  isnotnull: blank(false, (value) => value === null),
  tolower: text((one) => one.toLowerCase()),
  toupper: text((one) => one.toUpperCase()),
  strlen: text((one) => one.length, 'number'),
  strcat,
  tostring,
  toint: conversion('number', (value) => truncated(numberOf(value))),
  tolong: conversion('number', (value) => truncated(numberOf(value))),
  todouble: conversion('number', numberOf),
  todatetime: conversion('datetime', dateOf),
  tobool: conversion('bool', boolOf),
  array_length: arrayLength,
  bin,
};

const truncated = (value: number | null) => (value === null ? null : Math.trunc(value));

/** Calls a function. Throws QueryError where there is none, or it takes other values. */
export function call(at: number, name: string, given: readonly Compiled[], now: number): Compiled {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (!found)
    throw new QueryError(at, `${name.slice(0, 40)}() is not served; ${Object.keys(functions).join(', ')} are`);
  const [least, most] = found.takes;
  if (given.length < least || given.length > most) {
    const count = least === most ? `${least === 0 ? 'no' : least}` : `${least} or more`;
    throw new QueryError(at, `${name}() takes ${count} ${least === 1 && most === 1 ? 'value' : 'values'}`);
  }
  return found.make(at, given, now);
}
