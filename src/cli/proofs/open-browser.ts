import { spawn } from 'node:child_process';

type Environment = Readonly<Record<string, string | undefined>>;

/** The program that shows pages to whoever sits here; undefined where nobody would see one. */
export function browserOf(environment: Environment, platform: string = process.platform): string[] | undefined {
  const named = environment['BROWSER'];
  if (named) return [named];
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  const isRemote = Boolean(environment['SSH_CONNECTION']);
  const hasScreen = Boolean(environment['DISPLAY'] || environment['WAYLAND_DISPLAY']);
  return hasScreen && !isRemote ? ['xdg-open'] : undefined;
}

/** Shows a page. Whether that succeeds is seen by the person, who has the address, too. */
export function openBrowser(url: string, environment: Environment): void {
  const [program, ...args] = browserOf(environment) ?? [];
  if (program === undefined) return;
  const child = spawn(program, [...args, url], { env: { ...environment }, stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
