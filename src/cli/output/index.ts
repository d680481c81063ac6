export { outputAliases, outputFlags, type OutputFlags } from './flags.ts';
export { type Column, type Columns, formatOf, print } from './print.ts';
export { shown, shownQuoted } from './shown.ts';
export { sizeText } from './size-text.ts';
export { bytesColumn, bytesText, tableOf as table } from './table.ts';
