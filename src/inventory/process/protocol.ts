import type { LayerInventory } from '../layer-inventory.ts';
import type { LayerLimits } from '../limits.ts';

/** The word by which this program, started again, reads one layer: from its standard input, to its standard output. */
export const inventoryCommand = 'inventory';

/** What it is told, as JSON behind that word. There is nothing in it that others may not see. */
export interface InventoryOrder {
  mediaType: string;
  limits: Partial<LayerLimits>;
  /** ms after which it ends, whatever it does. */
  timeMs: number;
}

/** What it prints, as JSON. */
export type InventoryAnswer = LayerInventory;
