import type { IncomingMessage } from 'node:http';
import { failureOf } from './connect.ts';
import { OutboundError } from './outbound-error.ts';
import type { Target } from './target.ts';

/**
 * The body of an answer as it comes, no faster than it is read. `ended` is called once, when it is over. Throws OutboundError
 * `bad_answer` where it is packed: nobody asked for that, and what is hashed are the bytes themselves.
 */
export function streamOf(
  answer: IncomingMessage,
  target: Target,
  headers: Headers,
  ended: () => void,
): ReadableStream<Uint8Array> {
  const encoding = headers.get('content-encoding')?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    answer.destroy();
    throw new OutboundError('bad_answer', `${target.host} packs its answer, though it was asked not to`);
  }
  const chunks = (answer as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    answer.destroy();
    ended();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next();
          if (!done) return controller.enqueue(value);
          if (!answer.complete) throw brokeOff(target);
          end();
          controller.close();
        } catch (error) {
          end();
          throw failureOf(error, target);
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

function brokeOff({ host }: Target): OutboundError {
  return new OutboundError('unreachable', `the connection to ${host} ended in the middle of the answer`);
}
