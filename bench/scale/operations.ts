import { randomBytes } from 'node:crypto';
import { must, pushImage, putManifest, smallImage } from '../client/content.ts';
import type { RawConnection, Request } from '../client/raw-client.ts';
import { blobsOfImage, imageOf, nameOf, referrerOf, repositoryOf, tagOf, type World } from './world.ts';

/** What a client does, once; the same against every registry, among whatever that holds. */
export interface Operation {
  what: string;
  /** What the large registry's time may be, divided by the small one's. */
  target?: number;
  /** Sends it and waits for the answer that it must have. */
  send(connection: RawConnection, world: World): Promise<void>;
  /** Whether the world has enough for it. */
  fits?(world: World): boolean;
}

const page = 100;
/** Every repository that is hot has this many tags. */
const hotTags = (world: World) => world.first[1]!;
let made = 0;

/** Sends a request that must be answered with this status. */
async function send(connection: RawConnection, status: number, request: Request): Promise<void> {
  must(await connection.send(request), status, `${request.method} ${request.path}`);
}

const get = (connection: RawConnection, path: string) => send(connection, 200, { method: 'GET', path });
const head = (connection: RawConnection, path: string) => send(connection, 200, { method: 'HEAD', path });

/** Tags that are wanted over and over: as many as the small registry has, so that its caches and the large one's hold as much. */
const wanted = 1940;

/** A tag anywhere: where it is in the world, in its repository, and where it is looked up. */
const anyTag = (world: World) => tagAt(world, Math.floor(Math.random() * world.tags));

/** One of those that are wanted, which lie all over it. */
const wantedTag = (world: World) =>
  tagAt(world, Math.floor((Math.floor(Math.random() * wanted) / wanted) * world.tags));

function tagAt(world: World, number: number) {
  const repository = repositoryOf(world, number);
  const name = nameOf(repository);
  return { number, name, path: `/v2/${name}/manifests/${tagOf(number - world.first[repository]!)}` };
}

const anyName = (world: World) => nameOf(Math.floor(Math.random() * world.repositories));

/** What is made of a world once, and used for each request. */
function once<T>(make: (world: World) => T): (world: World) => T {
  const known = new Map<World, T>();
  return (world) => {
    const found = known.get(world);
    if (found !== undefined) return found;
    const value = make(world);
    known.set(world, value);
    return value;
  };
}

/** Tags of the first repository, and names of repositories, in the order of lists. */
const tagsInOrder = once((world) => Array.from({ length: hotTags(world) }, (_, n) => tagOf(n)).toSorted());
const namesInOrder = once((world) => Array.from({ length: world.repositories }, (_, n) => nameOf(n)).toSorted());
/** The first image, and the digest after which ten of its referrers are left. */
const referred = once((world) => {
  const subject = imageOf(world, 0);
  const referrers = Array.from({ length: world.referrers }, (_, n) => referrerOf(world, n, subject).digest);
  return { digest: subject.digest, last: referrers.toSorted().at(-11)! };
});

const tags = (world: World, n: number, last: string) => `/v2/${nameOf(0)}/tags/list?n=${n}&last=${last}`;

/** Pushes a manifest that another one of its repository has the content of, under a tag and a digest of its own. */
async function pushAgain(connection: RawConnection, world: World, repository: number): Promise<string> {
  const image = imageOf(world, world.first[repository]!);
  const json = {
    ...(JSON.parse(image.bytes.toString()) as object),
    annotations: { made: randomBytes(8).toString('hex') },
  };
  const tag = `made-${++made}`;
  await putManifest(connection, nameOf(repository), tag, Buffer.from(JSON.stringify(json)));
  return `/v2/${nameOf(repository)}/manifests/${tag}`;
}

export const operations: readonly Operation[] = [
  ...(['of 1,940 that are wanted often', 'any of all'] as const).flatMap((which) => {
    const tag = which === 'any of all' ? anyTag : wantedTag;
    const reads: Record<string, Operation['send']> = {
      'GET of a manifest by tag': (connection, world) => get(connection, tag(world).path),
      'GET of a manifest by digest': (connection, world) => {
        const { name, number } = tag(world);
        return get(connection, `/v2/${name}/manifests/${imageOf(world, number).digest}`);
      },
      'HEAD of a manifest by tag': (connection, world) => head(connection, tag(world).path),
      'HEAD of a blob': (connection, world) => {
        const { name, number } = tag(world);
        const { digest } = blobsOfImage(world, number).own[2]!;
        return head(connection, `/v2/${name}/blobs/${digest}`);
      },
    };
    return Object.entries(reads).map(([what, read]) => ({ what: `${what}, ${which}`, target: 1.3, send: read }));
  }),
  {
    what: 'push of a small image',
    target: 1.3,
    send: (connection, world) => pushImage(connection, anyName(world), `pushed-${++made}`, smallImage()),
  },
  {
    what: 'push of a manifest into a repository with a tenth of all tags',
    target: 1.3,
    send: async (connection, world) => void (await pushAgain(connection, world, 1)),
  },
  {
    what: 'mount of a blob from another repository',
    target: 1.3,
    send: (connection, world) => {
      const { name, number } = anyTag(world);
      const { digest } = blobsOfImage(world, number).own[1]!;
      const query = `mount=${digest}&from=${encodeURIComponent(name)}`;
      return send(connection, 201, { method: 'POST', path: `/v2/${anyName(world)}/blobs/uploads/?${query}` });
    },
  },
  {
    what: 'POST of an upload',
    target: 1.3,
    send: (connection, world) =>
      send(connection, 202, { method: 'POST', path: `/v2/${anyName(world)}/blobs/uploads/` }),
  },
  {
    what: 'push and delete of a tag',
    target: 1.3,
    send: async (connection, world) => {
      const path = await pushAgain(connection, world, 2);
      await send(connection, 202, { method: 'DELETE', path });
    },
  },
  {
    what: `tags/list, first page of ${page}`,
    target: 1.3,
    send: (connection, world) => get(connection, tags(world, page, '')),
  },
  {
    what: `tags/list, ${page} from the middle`,
    target: 1.3,
    send: (connection, world) => get(connection, tags(world, page, tagsInOrder(world)[hotTags(world) >> 1]!)),
  },
  {
    what: `tags/list, the last ${page}`,
    target: 1.3,
    send: (connection, world) => get(connection, tags(world, page, tagsInOrder(world).at(-page - 1)!)),
  },
  {
    what: 'tags/list, 1,000 from the middle',
    fits: (world) => hotTags(world) >= 2000,
    send: (connection, world) => get(connection, tags(world, 1000, tagsInOrder(world)[hotTags(world) >> 1]!)),
  },
  {
    what: `_catalog, first page of ${page}`,
    target: 1.3,
    send: (connection) => get(connection, `/v2/_catalog?n=${page}`),
  },
  {
    what: `_catalog, ${page} from the middle`,
    target: 1.3,
    send: (connection, world) =>
      get(connection, `/v2/_catalog?n=${page}&last=${namesInOrder(world)[(world.repositories >> 1) - page]}`),
  },
  {
    what: `_catalog, the last ${page}`,
    target: 1.3,
    send: (connection, world) => get(connection, `/v2/_catalog?n=${page}&last=${namesInOrder(world).at(-page - 1)}`),
  },
  {
    what: 'referrers of an image that has none',
    target: 1.3,
    send: (connection, world) => {
      const { name, number } = anyTag(world);
      return get(connection, `/v2/${name}/referrers/${imageOf(world, number).digest}`);
    },
  },
  {
    what: 'referrers, the last of as many as a hundredth of all tags',
    target: 1.3,
    send: (connection, world) => {
      const { digest, last } = referred(world);
      return get(connection, `/v2/${nameOf(0)}/referrers/${digest}?last=${last}`);
    },
  },
];
