/** What a request of the distribution API wants. */
export type Action = 'pull' | 'push' | 'delete' | 'list' | 'metadata';
