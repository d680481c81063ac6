import { connect, createServer, type Socket } from 'node:net';

/** Types of TLVs (PROXY protocol 2, §2.2; Azure's and AWS's own). */
export const tlvTypes = { uniqueId: 0x05, crc: 0x03, noop: 0x04, aws: 0xea, azure: 0xee } as const;

export const tlv = (type: number, value: Uint8Array | string): Buffer => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([Buffer.from([type]), length, bytes]);
};

/** The link id of Azure Private Link. */
export function azureLink(id: number): Buffer {
  const value = Buffer.alloc(5);
  value.writeUInt8(1);
  value.writeUInt32LE(id, 1);
  return tlv(tlvTypes.azure, value);
}

/** The endpoint id of AWS PrivateLink. */
export const awsLink = (id: string): Buffer => tlv(tlvTypes.aws, `\u0001${id}`);

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** A header of PROXY protocol 2, of a client with an address of documentation. */
export function proxyHeader(
  tlvs: readonly Buffer[],
  { command = 0x21, version = 4 }: { command?: number; version?: 4 | 6 } = {},
): Buffer {
  const addresses =
    version === 4
      ? Buffer.from([192, 0, 2, 77, 10, 0, 0, 1, 0x9c, 0x40, 0x01, 0xbb])
      : Buffer.concat([
          Buffer.from('20010db8000000000000000000000077', 'hex'),
          Buffer.from('fd000000000000000000000000000001', 'hex'),
          Buffer.from([0x9c, 0x40, 0x01, 0xbb]),
        ]);
  const rest = Buffer.concat([addresses, ...tlvs]);
  const head = Buffer.from([command, version === 4 ? 0x11 : 0x21, 0, 0]);
  head.writeUInt16BE(rest.length, 2);
  return Buffer.concat([signature, head, rest]);
}

/**
 * What a load balancer does: passes connections on to a port, from an address of its own, and says first what it knows of
 * them. `chunk`: bytes of that at a time.
 */
export async function startBalancer(
  preface: Uint8Array,
  to: { port: number; from?: string; chunk?: number },
): Promise<{ port: number } & AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: to.port, localAddress: to.from ?? '127.0.0.2' });
    const end = () => [client, upstream].forEach((socket) => socket.destroy());
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    void say(upstream, preface, to.chunk ?? preface.length).then(() => {
      client.pipe(upstream);
      upstream.pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function say(socket: Socket, bytes: Uint8Array, chunk: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunk) {
    socket.write(bytes.subarray(at, at + chunk));
    if (chunk < bytes.length) await Bun.sleep(2);
  }
}
