/*
 * Clients that are slow on purpose, many in one process, for slow-clients.test.ts:
 *   bun slow-clients.ts URL REPOSITORY DIGEST READERS WRITERS
 * Prints what they have done so far as a line of JSON, a few times a second, and ends when its standard input does.
 */
import { connect, type Socket } from 'node:net';
import { asOperator, portOf, requestText } from '../http/raw.ts';

/** Bytes a second of one that pulls, and of one that pushes. */
const readRate = 64 * 1024;
const writeRate = 32 * 1024;
const ticksPerSecond = 4;

const [url = '', repository, digest, readers, writers] = process.argv.slice(2);
const counts = { connected: 0, answered: 0, read: 0, written: 0, refused: 0, ended: 0 };
export type Counts = typeof counts;

function reader(): void {
  const socket = open();
  socket.write(asOperator(url, requestText('GET', `/v2/${repository}/blobs/${digest}`)));
  socket.once('data', (bytes) => {
    if (bytes.toString('latin1', 0, 12).endsWith(' 200')) counts.answered++;
    else counts.refused++;
  });
  socket.on('data', ({ length }) => {
    counts.read += length;
    socket.pause();
    setTimeout(() => socket.resume(), (length / readRate) * 1000);
  });
}

/** Never comes to its end. */
function writer(): void {
  const socket = open();
  const size = 10 * 1024 ** 3;
  const target = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
  socket.write(asOperator(url, requestText('POST', target, ['Host: localhost', `Content-Length: ${size}`])));
  socket.on('data', () => counts.refused++);
  const bytes = Buffer.alloc(writeRate / ticksPerSecond, 'w');
  const timer = setInterval(() => {
    if (socket.write(bytes)) counts.written += bytes.length;
  }, 1000 / ticksPerSecond);
  socket.on('close', () => clearInterval(timer));
}

function open(): Socket {
  const socket = connect(portOf(url), '127.0.0.1');
  socket.on('connect', () => counts.connected++);
  socket.on('close', () => counts.ended++);
  socket.on('error', () => {});
  return socket;
}

for (let at = 0; at < Number(readers); at++) reader();
for (let at = 0; at < Number(writers); at++) writer();
setInterval(() => console.log(JSON.stringify(counts)), 200);
process.stdin.on('end', () => process.exit()).resume();
