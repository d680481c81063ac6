import { join } from 'node:path';

/**
 * What tests start as `bonded`: the checkout's, or the one that `npm run build:binary` makes, where
 * BONDED_TEST_PROGRAM names it. It serves the same, and is ready in a third of the time.
 */
export const program = process.env['BONDED_TEST_PROGRAM'] ?? join(import.meta.dir, '..', '..', 'bin', 'bonded');
