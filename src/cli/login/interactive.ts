import type { Context } from '../context.ts';
import { browserOf } from '../proofs/open-browser.ts';
import type { FindProof, ProofRequest } from '../proofs/proof.ts';
import { shown } from '../registry-address.ts';

/** Lets a person log in at their identity provider, by a browser where one can be shown here, else by a code. */
export function personProof(method: 'device' | 'browser' | 'auto'): FindProof {
  return async (request, surroundings) => {
    // Large, and needed by people alone.
    const { discoverProvider } = await import('../proofs/provider.ts');
    const provider = await discoverProvider(request, surroundings);
    const offered = provider.configuration.serverMetadata();
    const canShow = browserOf(surroundings.environment) !== undefined;
    const byBrowser = method === 'auto' ? canShow || !offered.device_authorization_endpoint : method === 'browser';
    if (byBrowser) {
      const { browserProof } = await import('../proofs/browser.ts');
      return browserProof(provider, request, surroundings);
    }
    if (!offered.device_authorization_endpoint) {
      throw new Error(`${shown(provider.issuer)} knows no device codes; use --method browser`);
    }
    const { deviceProof } = await import('../proofs/device.ts');
    return deviceProof(provider, request, surroundings);
  };
}

/** Asks whoever sits at the terminal for what is not known; undefined where nobody does, or they want no more. */
export async function askForProvider(
  { process }: Context,
  request: ProofRequest,
): Promise<{ issuer: string; clientId: string } | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const { isCancel, text } = await import('@clack/prompts');
  const ask = async (message: string, placeholder: string) => {
    const answer = await text({ message, placeholder, output: process.stderr });
    return isCancel(answer) || !answer ? undefined : answer.trim();
  };
  const host = request.registry.host;
  const issuer = request.issuer ?? (await ask(`Identity provider for ${host}`, 'https://login.example.com'));
  if (issuer === undefined) return undefined;
  const clientId = request.clientId ?? (await ask('Client id that is registered there', 'bonded'));
  return clientId === undefined ? undefined : { issuer, clientId };
}
