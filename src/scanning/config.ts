import { z } from 'zod';
import { byteSize, duration, timeout } from '../config/index.ts';
import { enginesConfig } from './engines/config.ts';

export const scanningConfig = z
  .strictObject({
    parallel: z
      .int()
      .min(0)
      .max(64)
      .default(1)
      .describe(
        'Images that a node scans at a time, each in a process beside this one, last in line for the processor; 0: none.',
      ),
    timeout: timeout()
      .prefault('15m')
      .describe('How long a layer may take to be read. The scan of an image has half a minute more.'),
    memory: byteSize().prefault('1GiB').describe('Memory that the process which reads a layer may take.'),
    interval: duration()
      .prefault('12h')
      .describe(
        'How often each image is looked at again, whose layers are not read again. What advisories change is seen at once.',
      ),
    engines: enginesConfig,
  })
  .prefault({});
