import { z } from 'zod';

export const logConfig = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe(
        'The least important records that are written. `debug` adds every read, and every HEAD that finds nothing.',
      ),
    format: z
      .enum(['auto', 'json', 'text'])
      .default('auto')
      .describe(
        '`json` is one object a line, `text` is for reading; `auto` is `text` on a terminal and `json` elsewhere.',
      ),
  })
  .prefault({});
