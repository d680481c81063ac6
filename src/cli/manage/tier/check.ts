import { registryType } from '../../../registries/index.ts';
import { checkTierChange, type TierChange } from '../../../tiers/index.ts';
import { shown, sizeText } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { registryFlag, type RegistryFlag, requiredText } from '../flags.ts';

export const check = manageCommand<RegistryFlag & { sku: string }>({
  brief: 'Say what another tier would mean for a registry, and change nothing',
  details:
    'Says what speaks against a change of the tier, and what would be slower, less and more. bonded acr update --sku makes ' +
    'the change, and refuses it for the same reasons.',
  examples: ['tier check --sku Standard', 'tier check --registry teamb --sku Basic --query blocks'],
  flags: { ...registryFlag, sku: { ...requiredText, placeholder: 'tier', brief: 'Tier to change to' } },
  report: (value) => changeReport(value as TierChange),
  run: async ({ client, registry }, flags) =>
    client.action(registryType, checkTierChange, [await registry(flags.registry)], { sku: { name: flags.sku } }),
});

/** For people. */
function changeReport({ from, to, allowed, blocks, slower, lost, gained }: TierChange): string {
  const lines = [allowed ? `${from} can be changed to ${to}.` : `${from} cannot be changed to ${to}:`];
  for (const { message } of blocks) lines.push(`  ${message}`);
  for (const [title, parts] of [
    ['Slower', slower],
    ['Less', lost],
    ['More', gained],
  ] as const) {
    if (parts.length > 0) lines.push(`${title}:`);
    for (const { name, from: was, to: is } of parts)
      lines.push(`  ${name}: ${amount(name, was)} -> ${amount(name, is)}`);
  }
  return lines.map((line) => shown(line)).join('\n');
}

/** Limits of storage are bytes. */
const amount = (name: string, text: string) =>
  /^limits\.(?:includedStorage|max)/.test(name) && /^\d+$/.test(text) ? sizeText(Number(text)) : text;
