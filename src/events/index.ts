export { consumeEvents } from './consume.ts';
export { renumberEvents } from './renumber.ts';
export { appendEvent, type Event, type EventCursor, type NewEvent, readEvents, start, trimEvents } from './store.ts';
export { eventMigrations } from './tables.ts';
