export type { Exchange } from './exchange.ts';
