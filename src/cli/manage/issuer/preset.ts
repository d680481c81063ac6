import {
  type IssuerDefaults,
  issuerDefaults,
  type PresetName,
  presetNames,
  presetOf,
} from '../../../identity/index.ts';
import { UsageError } from '../../failure.ts';
import { textFlag } from '../flags.ts';

/** What presets are made with, by the flags of `bonded issuer create`. */
export interface PresetFlags {
  preset?: PresetName;
  issuer?: string;
  tenant?: string;
  tokenVersion?: string;
  owner?: string;
  enterprise?: string;
  host?: string;
}

const titles = presetNames.map((name) => `${name}: ${presetOf(name).title}`).join(', ');

export const presetFlags = {
  preset: { kind: 'enum', values: presetNames, optional: true, brief: `What its tokens look like (${titles})` },
  issuer: { ...textFlag, placeholder: 'url', brief: 'What its tokens have as iss, exactly' },
  tenant: { ...textFlag, placeholder: 'id', brief: 'Directory of Entra' },
  tokenVersion: { ...textFlag, placeholder: 'v1|v2', brief: 'Version of the tokens of Entra (default v1)' },
  owner: { ...textFlag, placeholder: 'name', brief: 'Organisation or user at GitHub' },
  enterprise: { ...textFlag, placeholder: 'slug', brief: 'Enterprise at GitHub that has an issuer of its own' },
  host: { ...textFlag, placeholder: 'name', brief: 'Host of a GitHub Enterprise Server' },
} as const;

/** Flags that are called otherwise than their parameter. */
const parameterOf: Record<string, string> = { tokenVersion: 'version' };
const parameters = ['issuer', 'tenant', 'tokenVersion', 'owner', 'enterprise', 'host'] as const;

/** Settings of the issuer that a preset and its parameters mean. Throws UsageError for whoever wrote them. */
export function defaultsOf(flags: PresetFlags, preset: PresetName): IssuerDefaults {
  const given = parameters.flatMap((name) => {
    const value = flags[name];
    return value === undefined ? [] : [[parameterOf[name] ?? name, value] as const];
  });
  const known = Object.keys(presetOf(preset).parameters);
  // Whoever gives iss itself knows better than the preset, such as of an instance of its own.
  const own = known.includes('issuer') ? undefined : flags.issuer;
  const rest = own === undefined ? given : given.filter(([name]) => name !== 'issuer');
  try {
    const defaults = issuerDefaults(preset, Object.fromEntries(rest));
    return own === undefined ? defaults : { ...defaults, issuer: own };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
