export { uploadsConfig } from './config.ts';
export type { BlobStore, StagingArea, StagingWriter, StoredObject } from './blob-store.ts';
export { createFileStore } from './file-store.ts';
export { type FileSystem, nodeFileSystem } from './file-system.ts';
export type { ReceiveLimits, UploadBody } from './receive.ts';
export * from './store.ts';
export { sweepDeleted, sweepStaging, sweepUploads } from './sweep.ts';
export { contentMigrations } from './tables.ts';
export { type ClosedUpload, createUploads, type LinkBlob, type UploadOwner, type Uploads } from './uploads.ts';
