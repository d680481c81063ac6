import { openTestS3Store } from '../../../test/support/storage.ts';
import { testBlobStore } from '../blob-store.contract.ts';

testBlobStore('S3', () => openTestS3Store({ prefix: 'some/prefix/' }));
