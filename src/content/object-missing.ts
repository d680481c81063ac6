import { RegistryError } from '../errors/index.ts';

/** The bytes that a fact names are not there. */
export class ObjectMissing extends RegistryError {
  constructor(key: string) {
    super('BLOB_UNKNOWN', {
      message: 'the bytes of this blob are missing; push it again',
      cause: new Error(`${key} is not in the store`),
    });
  }
}
