import { createDirectCaller } from '../outbound/index.ts';
import type { Context } from './context.ts';
import type { Surroundings } from './proofs/proof.ts';

/** Where clouds have their servers of metadata; Google's may be named by the environment, as its own libraries do. */
const metadata = { azure: 'http://169.254.169.254', aws: 'http://169.254.169.254' };

/**
 * What a command works in. `ca` is a PEM file of a further authority; SSL_CERT_FILE is one, too, as for the clients whose
 * credentials these are. Throws an Error where it cannot be read.
 */
export function surroundingsOf({ environment, process }: Context, ca: string | undefined): Surroundings {
  const google = environment['GCE_METADATA_HOST'] || 'metadata.google.internal';
  const authority = ca ?? (environment['SSL_CERT_FILE'] || undefined);
  return {
    environment,
    call: createDirectCaller(authority === undefined ? [] : [authority]),
    metadata: { ...metadata, google: `http://${google}` },
    say: (text) => void process.stderr.write(`${text}\n`),
    now: Date.now,
  };
}
