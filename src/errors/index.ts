export { type ErrorCode, errorCodes } from './codes.ts';
export { type ErrorOptions, RegistryError } from './registry-error.ts';
