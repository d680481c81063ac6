/** A program as its headers describe it. Nothing in it is believed beyond the bytes that there are. */
export interface Executable {
  bytes: Uint8Array;
  littleEndian: boolean;
  /** Where a section begins in the file, and its bytes; undefined where there is none of the name. */
  section(name: string): { offset: number; bytes: Uint8Array } | undefined;
  /** What the program would find at an address when loaded; undefined where no part of the file is there. */
  at(address: number, length: number): Uint8Array | undefined;
  /** Has no table of sections, which only packers and strippers of sections leave out. */
  sectionless: boolean;
}
