import { storeToken, useHelper } from '../credentials/client-files.ts';
import { helperProgram, linkHelper } from '../credentials/link-program.ts';
import { forgetLogin, isRenewable, recordLogin, recordProvider } from '../credentials/logins.ts';
import { placesOf } from '../credentials/places.ts';
import { programPath } from '../credentials/program-path.ts';
import { type Context, defaultHost } from '../context.ts';
import type { Session } from './prove.ts';

/** Logs the clients of this user in, and says how. */
export async function keepLogin(context: Context, session: Session, ca: string | undefined): Promise<void> {
  await keep(context, session, ca);
  const { host } = session.request.registry;
  // Commands do not guess which of several logins is meant.
  if (host === defaultHost(context)) return;
  context.write(`Manage it by bonded … --server ${host}, or from now on: bonded config set server=${host}`);
}

async function keep(context: Context, session: Session, ca: string | undefined): Promise<void> {
  const { environment } = context;
  const { method, request, proof, refresh } = session;
  const { registry, audience, clientId, tenantId, issuer, scope } = request;
  const places = placesOf(environment);
  context.write(`Logged in to ${registry.host} as ${proof.who}.`);
  const why = isRenewable(method)
    ? await linkHelper(programPath(), places.programs, environment['PATH'])
    : 'nobody but you can make this login again';
  if (isRenewable(method) && why === undefined) {
    const { origin } = registry;
    const recorded = { method, origin, audience, clientId, tenantId, ca, ...proof.found };
    await recordLogin(places.logins, registry.host, recorded);
    const files = await useHelper(places, registry.host);
    context.write(`Clients ask ${helperProgram} for a new token each time; no password is on the disk.`);
    context.write(`  written to ${files.join(' and ')}`);
    return;
  }
  await forgetLogin(places.logins, registry.host);
  if (!isRenewable(method) && issuer !== undefined && clientId !== undefined) {
    await recordProvider(places.logins, registry.host, { issuer, clientId, scope, audience });
  }
  const files = await storeToken(places, registry.host, refresh.token, environment);
  const { expiresAt } = refresh;
  const end = expiresAt === undefined ? '' : ` until ${new Date(expiresAt).toISOString().replace('.000', '')}`;
  context.write(`A token is stored for clients${end}, because ${why}. Then log in again.`);
  context.write(`  written to ${files.join(' and ')}`);
}
