import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importRefused } from '../import-error.ts';
import { type OpenSource, sourceOfFile } from './byte-source.ts';

const prefix = 'bonded-advisories-';

/**
 * Writes a stream to a file in the directory for temporary files, to be read anywhere. The file has no name from the beginning, so
 * that nothing is left of it however this process ends. Throws AdvisoryImportError where it is longer than `most` bytes.
 */
export async function spool(stream: AsyncIterable<Uint8Array>, most: number): Promise<OpenSource> {
  const directory = await mkdtemp(join(tmpdir(), prefix));
  const file = await open(join(directory, 'data'), 'wx+', 0o600);
  try {
    await rm(directory, { recursive: true, force: true });
    let size = 0;
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > most)
        throw importRefused(`it has more than ${most} bytes, which is what advisories.maxDownload allows`);
      for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
    }
    return await sourceOfFile(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}
