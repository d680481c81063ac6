import { resolve } from 'node:path';
import { testToken } from '../../../identity/index.ts';
import type { Context } from '../../context.ts';
import { UsageError } from '../../failure.ts';
import { readTokenFile } from '../../proofs/token-file.ts';
import { readInput } from '../../read-input.ts';
import { manageCommand } from '../command.ts';
import { textFlag } from '../flags.ts';
import { tokenReported } from './token-report.ts';

interface Source {
  tokenStdin: boolean;
  tokenFile?: string;
}

/** Longest token that the server looks at (bytes), and the end of a line after it. */
const maxTokenBytes = 16_384 + 2;

/** Where guides have the projected volume of a pod mounted. */
const projected = '/var/run/secrets/tokens/bonded';

export const testIssuerToken = manageCommand<Source>({
  brief: 'Say what a token would become, and why',
  details:
    'Shows which trusted issuer a token is of, what is checked of it, which federated credentials it fits, who that makes ' +
    'it, and what it may do then. The token is read from standard input or a file (by default the one that ' +
    'BONDED_TOKEN_FILE names, or that Kubernetes has projected), and kept nowhere.',
  examples: [
    'issuer test --token-stdin < token',
    'issuer test --token-file /var/run/secrets/tokens/bonded -o json --query principal',
  ],
  flags: {
    tokenStdin: { kind: 'boolean', default: false, withNegated: false, brief: 'Read the token from standard input' },
    tokenFile: { ...textFlag, placeholder: 'file', brief: 'Read the token from a file' },
  },
  report: (value) => tokenReported(value as Parameters<typeof tokenReported>[0]),
  run: async ({ client, context }, flags) => client.providerAction(testToken, { token: await tokenOf(context, flags) }),
});

async function tokenOf({ environment, process }: Context, { tokenStdin, tokenFile }: Source): Promise<string> {
  if (tokenStdin && tokenFile !== undefined) throw new UsageError('give one of --token-stdin and --token-file');
  if (tokenStdin) {
    const token = (await readInput(process.stdin, maxTokenBytes)).trim();
    if (token === '') throw new UsageError('standard input is empty; write the token to it');
    return token;
  }
  const path = tokenFile ?? (environment['BONDED_TOKEN_FILE'] || projected);
  const token = await readTokenFile(resolve(path));
  if (token !== undefined) return token;
  throw new UsageError(
    `there is no ${path}; --token-stdin reads a token from standard input, --token-file from a file`,
  );
}
