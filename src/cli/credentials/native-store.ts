import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

type Environment = Readonly<Record<string, string | undefined>>;

/** How long a helper may take (ms): it may ask its user to unlock something. */
const patienceMs = 60_000;

/** Stores a password in a helper of Docker. Throws an Error with what it says. */
export async function storeInHelper(
  name: string,
  { host, user, secret }: { host: string; user: string; secret: string },
  environment: Environment,
): Promise<void> {
  await ask(name, 'store', JSON.stringify({ ServerURL: host, Username: user, Secret: secret }), environment);
}

/** Removes what a helper has for a host, if it is for this user. Resolves with whether there was anything. */
export async function eraseInHelper(
  name: string,
  host: string,
  user: string,
  environment: Environment,
): Promise<boolean> {
  const found = await ask(name, 'get', host, environment).catch(() => '');
  if (!found.includes(`"${user}"`)) return false;
  await ask(name, 'erase', host, environment);
  return true;
}

async function ask(name: string, verb: string, input: string, environment: Environment): Promise<string> {
  const program = `docker-credential-${name}`;
  const child = spawn(program, [verb], {
    env: { ...environment },
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: patienceMs,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', () => reject(new Error(`${program}, which the Docker configuration names, cannot be run`)));
    child.once('close', resolve);
  });
  // It may end before it has read all.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code, said] = await Promise.all([ended, text(child.stdout)]);
  if (code === 0) return said;
  throw new Error(`${program} ${verb} failed: ${said.trim().slice(0, 300) || `it ended with ${code}`}`);
}
