export { importConfig } from './config.ts';
export { createImporting } from './import.ts';
