/** Whether a file has this name, in whatever folder. It is asked for every file of every layer: no regular expression. */
export function isNamed(path: string, name: string): boolean {
  return path.endsWith(name) && (path.length === name.length || path.charCodeAt(path.length - name.length - 1) === 47);
}

/** Whether it lies in a folder of this name, or below one. */
export function isInside(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`) || path.includes(`/${folder}/`);
}
