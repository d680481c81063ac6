import { z } from 'zod';

export const throttleConfig = z
  .strictObject({
    failedLogins: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(300)
      .describe(
        'Failed logins a minute from one address (IPv6: its /64), in each process, before it is refused with 429; 0 for ' +
          'any number. Who is logged in already is not refused.',
      ),
  })
  .prefault({});
