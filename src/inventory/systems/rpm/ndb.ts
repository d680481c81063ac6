/*
 * rpm's own database, as SUSE has it (rpm, lib/backend/ndb/rpmpkg.c), little-endian:
 *
 *   0 `RpmP` | 4 version u32 | 8 generation u32 | 12 pages of slots u32 | 16 next index u32 | 32 slots of 16 bytes, up to the end
 *   of their pages of 4,096: `Slot`, index u32, block u32, blocks u32; block × 16 is the place of
 *   `BlbS`, index u32, checksum u32, length u32, and the header
 */

const pageBytes = 4096;
const slotBytes = 16;
const blockBytes = 16;
const magics = { file: 0x506d7052, slot: 0x746f6c53, blob: 0x53626c42 };

/** The headers in it. Throws where it is none. */
export function* headersOfNdb(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 32 || view.getUint32(0, true) !== magics.file) throw new Error('is no ndb of rpm');
  if (view.getUint32(4, true) !== 0) throw new Error('is an ndb of another version');
  const slotsEnd = view.getUint32(12, true) * pageBytes;
  if (slotsEnd > bytes.length) throw new Error('its slots are beyond its end');
  // No header is in it twice, so they are no longer than the file.
  let budget = bytes.length;
  for (let slot = 32; slot + slotBytes <= slotsEnd; slot += slotBytes) {
    if (view.getUint32(slot, true) !== magics.slot) throw new Error('a slot is none');
    const block = view.getUint32(slot + 8, true);
    // A slot that is free.
    if (block === 0) continue;
    const blob = block * blockBytes;
    if (blob + 16 > bytes.length || view.getUint32(blob, true) !== magics.blob) throw new Error('a blob is none');
    const length = view.getUint32(blob + 12, true);
    budget -= length;
    if (blob + 16 + length > bytes.length || budget < 0) throw new Error('a blob is beyond its end');
    yield bytes.subarray(blob + 16, blob + 16 + length);
  }
}
