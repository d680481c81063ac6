import type { LayerInventory } from '../layer-inventory.ts';
import type { LayerLimits } from '../limits.ts';

/*
 * What goes to and from a process that reads layers, one after the other:
 *
 *   its standard input    frame of an order; where that names no file, frames of the layer's bytes, and an empty one
 *                         … until the end
 *   its standard output   answer, LF …
 *
 *   frame                 length (4 bytes, little endian), so many bytes
 */

/** The word by which this program, started again, reads layers. */
export const inventoryCommand = 'inventory';

/** A layer to be read, as JSON. */
export interface InventoryOrder {
  mediaType: string;
  limits: Partial<LayerLimits>;
  /** ms after which the process ends, whatever it does. */
  timeMs: number;
  /** The file that the layer is; else its bytes follow. */
  path?: string;
}

/** What comes of an order, as one line of JSON: what is in the layer, or why its file could not be read. */
export type InventoryAnswer = LayerInventory | { unreadable: string };

/** Bytes in one frame of a layer, and in one read of a file. */
export const pieceBytes = 256 * 1024;

/** ms that a process without an order lives where nobody ends it. */
export const idleEndMs = 60_000;

export function frameOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(4 + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length, true);
  frame.set(bytes, 4);
  return frame;
}
