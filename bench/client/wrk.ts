import { run } from '../shape.ts';
import { wrkFlags } from './authorization.ts';

export interface WrkFigures {
  /** Requests a second. */
  rate: number;
  /** 99th percentile of the time to a whole answer (ms). */
  p99: number;
}

/** Sends the same GET over and over. Throws where anything but a success came back. */
export async function wrk(
  url: string,
  options: {
    connections: number;
    seconds: number;
    accept: string;
    /** What is sent in place of the operator's credentials; null: nothing. */
    authorization?: string | null;
  },
): Promise<WrkFigures> {
  const { connections, seconds, accept, authorization } = options;
  const whole = Math.max(1, Math.round(seconds));
  const output = await run([
    'wrk',
    '-t2',
    `-c${connections}`,
    `-d${whole}s`,
    '--latency',
    '-H',
    `Accept: ${accept}`,
    ...wrkFlags(url, authorization),
    url,
  ]);
  return readWrk(output);
}

/** Reads what wrk prints. */
export function readWrk(output: string): WrkFigures {
  const trouble = /^\s*(?:Non-2xx|Socket errors).*$/m.exec(output)?.[0];
  if (trouble !== undefined) throw new Error(`wrk met trouble: ${trouble.trim()}`);
  const rate = /^Requests\/sec:\s+([\d.]+)/m.exec(output)?.[1];
  const late = /^\s+99%\s+([\d.]+)(us|ms|s|m)\s*$/m.exec(output);
  if (rate === undefined || !late) throw new Error(`wrk printed no figures: ${output}`);
  const unit = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[late[2]!]!;
  return { rate: Number(rate), p99: Number(late[1]) * unit };
}
