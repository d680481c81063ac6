import { z } from 'zod';
import { byteSize, duration } from '../config/index.ts';

export const uploadsConfig = z
  .strictObject({
    maxBlobSize: byteSize().prefault('200GiB').describe('The largest blob that is accepted.'),
    stallTimeout: duration()
      .prefault('60s')
      .describe('An upload that sends nothing for this long is given up; what arrived is kept and can be resumed.'),
    minRate: byteSize()
      .prefault('1KiB')
      .describe('An upload slower than this many bytes a second, on average, is given up the same way.'),
    expiry: duration().prefault('24h').describe('An upload without activity for this long is removed.'),
  })
  .prefault({});
