/** A file that is not what its name says, or more than a reader takes. Its message goes into the inventory's warnings. */
export class MalformedFile extends Error {
  override readonly name = 'MalformedFile';
}
