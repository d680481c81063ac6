/** Names under which this program is started by others, and the command that each means. */
const names: Readonly<Record<string, string>> = {
  'docker-credential-bonded': 'docker-credential',
  'bonded-credential-provider': 'kubelet-credential-provider',
};

/** The arguments of a program that was started under a name, such as a link to it. bin/bonded does the same for a checkout. */
export function argumentsOf(startedAs: string, args: readonly string[]): readonly string[] {
  const name = startedAs.split(/[/\\]/).at(-1)!;
  return Object.hasOwn(names, name) ? [names[name]!, ...args] : args;
}
