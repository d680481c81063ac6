import { armKey } from '../operations/index.ts';
import type { Resource } from './resource.ts';

/** Resources by key, and in lists by type and parent that are sorted when somebody asks. */
export interface MirrorIndex {
  get(id: string): Resource | undefined;
  list(type: string, parent?: string): readonly Resource[];
  set(resource: Resource): void;
  delete(resource: Pick<Resource, 'key'>): void;
}

interface Group {
  members: Map<string, Resource>;
  sorted: readonly Resource[] | undefined;
}

export function createIndex(): MirrorIndex {
  const byKey = new Map<string, Resource>();
  const groups = new Map<string, Group>();

  function remove(key: string): void {
    const former = byKey.get(key);
    if (!former) return;
    byKey.delete(key);
    for (const name of groupsOf(former)) {
      const group = groups.get(name)!;
      group.members.delete(key);
      group.sorted = undefined;
      if (group.members.size === 0) groups.delete(name);
    }
  }

  return {
    get(id) {
      const key = armKey(id);
      return key === undefined ? undefined : byKey.get(key);
    },
    list(type, parent) {
      const group = groups.get(groupName(type, parent === undefined ? undefined : (armKey(parent) ?? parent)));
      if (!group) return [];
      return (group.sorted ??= [...group.members.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1)));
    },
    set(resource) {
      remove(resource.key);
      byKey.set(resource.key, resource);
      for (const name of groupsOf(resource)) {
        const group = groups.get(name) ?? { members: new Map<string, Resource>(), sorted: undefined };
        groups.set(name, group);
        group.members.set(resource.key, resource);
        group.sorted = undefined;
      }
    },
    delete: ({ key }) => remove(key),
  };
}

function groupsOf({ type, parent }: Resource): string[] {
  return [groupName(type), groupName(type, parent)];
}

function groupName(type: string, parent?: string): string {
  return parent === undefined ? type.toLowerCase() : `${type.toLowerCase()} ${parent}`;
}
