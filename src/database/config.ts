import { z } from 'zod';
import { duration } from '../config/index.ts';

export const databaseConfig = z
  .strictObject({
    url: z
      .string()
      .regex(/^postgres(?:ql)?:\/\//, 'must begin with postgres:// or postgresql://')
      // Without a host, a socket or PGHOST is meant.
      .refine((url) => URL.canParse(url.replace('@/', '@host/')), {
        message: 'must be a URL; of user and password, write the characters / ? # @ : as %2F %3F %23 %40 %3A',
      })
      .optional()
      .describe(
        'PostgreSQL 15 or later, as `postgres://user@host:5432/database`. Left out, facts live in SQLite in the data ' +
          'directory. Give a password by `BONDED_DATABASE_URL_FILE`, `PGPASSWORD` or `PGPASSFILE`.',
      ),
    poolSize: z.int().min(2).max(200).default(16).describe('Most PostgreSQL connections of this process.'),
    preparedStatements: z
      .boolean()
      .default(true)
      .describe('Off for a pooler that gives each transaction another connection.'),
    // 0 would be none for the server; and what is far beyond may outlive a repository that is on its way out (catalog).
    statementTimeout: duration()
      .refine((ms) => ms >= 1000 && ms <= 60_000, { message: 'must be from 1s to 60s' })
      .prefault('30s')
      .describe('A PostgreSQL statement that runs longer is cancelled.'),
  })
  .prefault({});
