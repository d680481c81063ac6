import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { type EcKey, ecKeyOf, makeEcKey } from './ec-key.ts';
import { closeToGroup, makePrivateFile, readPrivateFile } from './private-file.ts';

/*
 *   <data>/keys/operator.jwk    whoever can read it is the operator: `bonded login` on the machine needs no password
 *   <data>/keys/secret          see secret-file.ts
 */

function operatorFile(dataDirectory: string): string {
  return join(dataDirectory, 'keys', 'operator.jwk');
}

/** Makes the key of the operator, once; for the server at its start. Throws an Error for the operator. */
export async function ensureOperatorKey(dataDirectory: string): Promise<void> {
  const path = operatorFile(dataDirectory);
  await closeToGroup(path);
  if ((await readPrivateFile(path)) === undefined) {
    const jwk = makeEcKey().privateKey.export({ format: 'jwk' });
    await makePrivateFile(path, `${JSON.stringify({ ...jwk, alg: 'ES256', use: 'sig' })}\n`);
  }
  await readOperatorKey(dataDirectory);
}

/**
 * The key of the operator. Throws an Error that says what to do where there is none, this user may not read it, others may
 * read it too, or it is damaged.
 */
export async function readOperatorKey(dataDirectory: string): Promise<EcKey> {
  const path = operatorFile(dataDirectory);
  const text = await readPrivateFile(path);
  if (text === undefined) {
    throw new Error(
      `there is no ${path}; the server makes it when it starts. Run this on its machine, and name its data directory`,
    );
  }
  try {
    return ecKeyOf(createPrivateKey({ key: JSON.parse(text) as never, format: 'jwk' }));
  } catch {
    // Without the cause: it may quote the file.
    throw new Error(`${path} is damaged; remove it, and the server makes another one when it starts again`);
  }
}
