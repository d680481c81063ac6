export { asRegistryError } from './as-registry-error.ts';
export { type ErrorCode, errorCodes } from './codes.ts';
export { type ErrorOptions, RegistryError } from './registry-error.ts';
