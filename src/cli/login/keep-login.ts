import { storeToken, useHelper } from '../credentials/client-files.ts';
import { helperProgram, linkHelper } from '../credentials/helper-link.ts';
import { forgetLogin, isRenewable, recordLogin } from '../credentials/logins.ts';
import { placesOf } from '../credentials/places.ts';
import { programPath } from '../credentials/program-path.ts';
import type { Context } from '../context.ts';
import type { ProofRequest } from '../proofs/proof.ts';
import type { Session } from './prove.ts';

/** Logs the clients of this user in, and says how. */
export async function keepLogin(
  context: Context,
  request: ProofRequest,
  { method, proof, refresh }: Session,
  ca: string | undefined,
): Promise<void> {
  const { environment } = context;
  const { registry, audience, clientId, tenantId } = request;
  const places = placesOf(environment);
  const why = isRenewable(method)
    ? await linkHelper(programPath(), places.programs, environment['PATH'])
    : `a login by ${method} cannot be made again without you`;
  context.write(`Logged in to ${registry.host} as ${proof.who}.`);
  if (isRenewable(method) && why === undefined) {
    const { origin } = registry;
    await recordLogin(places.logins, registry.host, {
      ...{ method, origin, audience, ...proof.found },
      ...(clientId !== undefined && { clientId }),
      ...(tenantId !== undefined && { tenantId }),
      ...(ca !== undefined && { ca }),
    });
    const files = await useHelper(places, registry.host);
    context.write(`Clients ask ${helperProgram} for a new token each time; no password is on the disk.`);
    context.write(`  written to ${files.join(' and ')}`);
    return;
  }
  await forgetLogin(places.logins, registry.host);
  const files = await storeToken(places, registry.host, refresh.token, environment);
  context.write(`A token is stored for clients, because ${why}.`);
  const { expiresAt } = refresh;
  if (expiresAt !== undefined) {
    context.write(`  it ends at ${new Date(expiresAt).toISOString().replace('.000', '')}; then log in again`);
  }
  context.write(`  written to ${files.join(' and ')}`);
}
