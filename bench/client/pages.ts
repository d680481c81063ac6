import { headerOf } from './answer.ts';
import { must, type Sender } from './content.ts';

export interface Page {
  /** Until all of it was there. */
  milliseconds: number;
  content: Record<string, unknown>;
}

/** Reads a list page by page, as its Link headers lead, to the end or for so many pages. */
export async function readPages(from: Sender, path: string, most = 100_000): Promise<Page[]> {
  const pages: Page[] = [];
  let next: string | undefined = path;
  while (next !== undefined && pages.length < most) {
    const began = performance.now();
    const answer = await from.send({ method: 'GET', path: next, keep: true });
    const milliseconds = performance.now() - began;
    must(answer, 200, `GET of ${path}`);
    pages.push({ milliseconds, content: JSON.parse(answer.body.toString()) as Record<string, unknown> });
    next = nextOf(headerOf(answer, 'link'), next);
  }
  return pages;
}

/** Where a Link header leads (RFC 8288), which may be relative to `path`. Undefined at the end of the list. */
export function nextOf(link: string, path: string): string | undefined {
  const target = /<([^>]+)>;\s*rel="?next"?/.exec(link)?.[1];
  if (target === undefined) return undefined;
  const url = new URL(target, new URL(path, 'http://registry.invalid'));
  return `${url.pathname}${url.search}`;
}
