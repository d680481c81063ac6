/** All that a stream has, as text, up to `limit` bytes: beyond them `tooMuch` is told, and nothing is kept. */
export async function readBounded(
  stream: ReadableStream<Uint8Array>,
  limit: number,
  tooMuch: () => void,
): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stream) {
    length += piece.length;
    if (length > limit) {
      tooMuch();
      return '';
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
