/** How much of a list, and in which order. */
export interface ListFlags {
  top?: number;
  orderby?: keyof typeof orders;
}

/** As `az` names them, and as the API does (acr §3.2). */
const orders = { time_asc: 'timeasc', time_desc: 'timedesc' } as const;

export const topFlag = {
  top: {
    kind: 'parsed',
    parse: count,
    optional: true,
    placeholder: 'number',
    brief: 'How many at most (default: all)',
  },
} as const;

export const listFlags = {
  ...topFlag,
  orderby: { kind: 'enum', values: ['time_asc', 'time_desc'], optional: true, brief: 'By time of the last change' },
} as const;

/** For the query of a list. */
export function orderOf({ orderby }: ListFlags): Record<string, string> {
  return orderby === undefined ? {} : { orderby: orders[orderby] };
}

function count(text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new Error('it is a whole number from 1 on');
}
