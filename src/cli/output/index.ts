export { outputAliases, outputFlags, type OutputFlags } from './flags.ts';
export { type Columns, formatOf, print } from './print.ts';
export { shown } from './shown.ts';
export { tableOf as table } from './table.ts';
