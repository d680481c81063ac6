export type { Exchange } from './exchange.ts';
export { linkWay, listenerWay, publicWay, type Way } from './way.ts';
