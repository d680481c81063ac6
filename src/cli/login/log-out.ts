import { forgetHost } from '../credentials/client-files.ts';
import { forgetLogin } from '../credentials/logins.ts';
import { placesOf } from '../credentials/places.ts';
import { type Context, defaultHost, fail } from '../context.ts';
import { registryAddress } from '../registry-address.ts';

/** `bonded logout`. */
export async function logOut(context: Context, typed?: string): Promise<void> {
  const { host } = registryAddress(typed ?? defaultHost(context));
  const places = placesOf(context.environment);
  const recorded = await forgetLogin(places.logins, host);
  const stored = await forgetHost(places, host, context.environment);
  if (recorded || stored) context.write(`Logged out of ${host}.`);
  else fail(context, `there is no login to ${host}; name the registry as it was named at the login`);
}
