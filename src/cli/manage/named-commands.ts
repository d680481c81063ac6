import { idOf, type ResourceType, type WireResource } from '../../operations/index.ts';
import { registryType } from '../../registries/index.ts';
import type { Columns } from '../output/index.ts';
import { type ManageCommand, manageCommand } from './command.ts';
import { confirm } from './confirm.ts';
import { deleteExisting } from './delete-existing.ts';
import { confirmFlag, type ConfirmFlag, type NameFlag, type RegistryFlag, registryFlag } from './flags.ts';
import { flat } from './present.ts';

type Words = Pick<ManageCommand<object>, 'brief' | 'details' | 'examples'>;

interface NamedResource<T extends ResourceType> {
  type: T;
  /** The flag that names one. */
  name: ManageCommand<NameFlag>['flags']['name'];
  columns: Columns;
  /** How one is printed. */
  present?: (resource: WireResource<T>) => unknown;
  list: Words;
  show: Words;
  /** `asks`: what is confirmed before the one of that name is gone, as in "deleting the policy prod". */
  remove: Words & { asks(name: string): string };
}

/** The three commands that are the same for whatever a registry has by name: `list`, `show` and `delete`. */
export function namedCommands<T extends ResourceType>(resource: NamedResource<T>) {
  const { type, name, columns, present = flat } = resource;
  const flags = { name, ...registryFlag };
  const aliases = { n: 'name', r: 'registry' } as const;
  const { asks, ...removing } = resource.remove;
  return {
    list: manageCommand<RegistryFlag>({
      ...resource.list,
      flags: registryFlag,
      aliases: { r: 'registry' },
      columns,
      async run({ client, registry }, given) {
        const at = idOf(registryType, [await registry(given.registry)]);
        return (await client.list(type, at)).map((one) => present(one));
      },
    }),
    show: manageCommand<NameFlag & RegistryFlag>({
      ...resource.show,
      flags,
      aliases,
      columns,
      run: async ({ client, registry }, given) =>
        present(await client.get(type, [await registry(given.registry), given.name])),
    }),
    delete: manageCommand<NameFlag & RegistryFlag & ConfirmFlag>({
      ...removing,
      flags: { ...flags, ...confirmFlag },
      aliases: { ...aliases, y: 'yes' },
      async run(connection, given) {
        await confirm(connection, given, asks(given.name));
        await deleteExisting(connection.client, type, [await connection.registry(given.registry), given.name]);
      },
    }),
  };
}
