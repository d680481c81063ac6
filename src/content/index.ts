export { uploadsConfig } from './config.ts';
export type { BlobStore, StagingWriter, StoredObject } from './blob-store.ts';
export { createFileStore } from './file-store.ts';
export { type FileSystem, nodeFileSystem } from './file-system.ts';
export type { ReceiveLimits } from './receive.ts';
export * from './store.ts';
export { sweepDeleted, sweepUploads } from './sweep.ts';
export { contentMigrations } from './tables.ts';
export { type ClosedUpload, createUploads, type UploadOwner, type Uploads } from './uploads.ts';
