import { z } from 'zod';
import { byteSize, duration, timeout } from '../config/index.ts';

export const uploadsConfig = z
  .strictObject({
    maxBlobSize: byteSize().prefault('200GiB').describe('The largest blob that is accepted.'),
    stallTimeout: timeout()
      .prefault('60s')
      .describe('An upload that sends nothing for this long is given up; what arrived is kept and can be resumed.'),
    minRate: byteSize()
      .prefault('1KiB')
      .describe('An upload slower than this many bytes a second, on average, is given up the same way.'),
    expiry: duration().prefault('24h').describe('An upload without activity for this long is removed.'),
  })
  .prefault({});

export const storageConfig = z
  .strictObject({
    s3: z
      .strictObject({
        bucket: z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/, 'must be the name of a bucket')
          .optional()
          .describe(
            'Bucket for content. Left out, content lives in files in the data directory. Credentials come from where ' +
              'the tools of AWS take them: environment, web identity, profile, container, instance.',
          ),
        prefix: z
          .string()
          .regex(/^(?:[A-Za-z0-9._-]{1,64}\/?){0,8}$/, 'must be names separated by slashes, such as registries/one/')
          .transform((prefix) => (prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`))
          .prefault('')
          .describe('What every key begins with, so that several registries may share a bucket.'),
        region: z
          .string()
          .regex(/^[a-z0-9-]{1,64}$/, 'must be the name of a region, such as eu-central-1')
          .optional()
          .describe('Region of the bucket. Left out, it is that of the environment or, with an endpoint, us-east-1.'),
        endpoint: z
          .url({ protocol: /^https?$/ })
          .refine((url) => !URL.parse(url)?.username && !URL.parse(url)?.password, {
            message: 'must not hold credentials; give them by the environment',
          })
          .optional()
          .describe('URL of the service of another provider than AWS.'),
        pathStyle: z
          .boolean()
          .default(false)
          .describe('Names the bucket in the path instead of the host, as most services other than AWS need it.'),
        partSize: byteSize()
          .refine((bytes) => bytes >= 5 * 2 ** 20 && bytes <= 5 * 2 ** 30, { message: 'must be from 5MiB to 5GiB' })
          .prefault('32MiB')
          .describe(
            'What an upload sends to S3 at once; it waits on disk, up to four parts of each upload. A blob has 10,000 at most.',
          ),
        encryption: z
          .strictObject({
            mode: z
              .enum(['none', 'AES256', 'aws:kms'])
              .default('none')
              .describe('Encryption by S3 that is asked for with each object; `none` leaves it to the bucket.'),
            kmsKeyId: z
              .string()
              .min(1)
              .max(2048)
              .optional()
              .describe("Key of `aws:kms`; left out, the account's own for S3."),
          })
          .refine(({ mode, kmsKeyId }) => kmsKeyId === undefined || mode === 'aws:kms', {
            message: 'kmsKeyId goes with the mode aws:kms',
          })
          .prefault({}),
        requestTimeout: duration()
          .refine((ms) => ms >= 1000 && ms <= 600_000, { message: 'must be from 1s to 10m' })
          .prefault('30s')
          .describe('A request to S3 on which nothing moves for this long is given up and repeated.'),
        presignedReads: z
          .strictObject({
            enabled: z
              .boolean()
              .default(false)
              .describe('Answers a GET of a blob with a redirect to S3 instead of the bytes.'),
            expiry: duration()
              .refine((ms) => ms >= 10_000 && ms <= 3_600_000, { message: 'must be from 10s to 1h' })
              .prefault('5m')
              .describe('How long the address of such a redirect holds.'),
            exceptClients: z
              .array(z.string().min(1).max(200))
              .max(100)
              .default([])
              .describe('Parts of the `User-Agent` of clients that get the bytes all the same.'),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .prefault({});
