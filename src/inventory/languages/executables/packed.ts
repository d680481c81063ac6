import type { Executable } from './executable.ts';

const upx = Buffer.from('UPX!');
/** UPX writes its mark behind the headers of the program. */
const headLength = 4_096;

export const packedWarning = 'packed binary: what it was built from cannot be read';

/** Whether a program was packed: what it consists of is compressed, and nothing can be read of it without running it. */
export function isPacked({ bytes, section, sectionless }: Executable): boolean {
  if (section('UPX0') ?? section('UPX1')) return true;
  if (!sectionless) return false;
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, headLength)).includes(upx);
}
