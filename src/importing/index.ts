export { importConfig } from './config.ts';
export { createImporting, type Importing, type ImportingOptions } from './import.ts';
