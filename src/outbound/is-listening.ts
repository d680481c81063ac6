import { connect } from 'node:net';

/** A system that does not answer at once has a queue of connections: somebody listens (ms). */
const answerMs = 1000;

/** Whether a connection to an address of this machine would be accepted, or wait to be. */
export function isListening(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: answerMs });
  socket.once('connect', () => resolve(true));
  socket.once('timeout', () => resolve(true));
  socket.once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
