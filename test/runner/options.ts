import { parseArgs, type ParseArgsConfig } from 'node:util';

/**
 * The command line of a script, by `parseArgs`. `--help` prints the comment at the top of the script, which is its
 * manual; what the script does not know is one line. Both end the process.
 */
export async function readOptions<const T extends ParseArgsConfig>(
  script: string,
  config: T,
): Promise<ReturnType<typeof parseArgs<T>>> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    console.log(manualOf(await Bun.file(script).text()));
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${(error as Error).message.split('. ')[0]}; --help lists what there is`);
    process.exit(2);
  }
}

function manualOf(source: string): string {
  const comment = /\/\*([\s\S]*?)\*\//.exec(source)?.[1] ?? '';
  return comment.replaceAll(/^ \* ?/gm, '').trim();
}
