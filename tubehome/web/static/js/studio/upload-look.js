// A first look at a chosen file: what is surely no film is said before it is sent, and a sample of its bytes tells
// it again after a reload. (Names and dates do not: phones give both anew each time a file is chosen.)

const HEAD = 65_536;
const PAPERS = ["%PDF", "PK\x03\x04", "\xd0\xcf\x11\xe0", "Rar!", "7z\xbc\xaf"];
const IMAGES = ["\xff\xd8\xff", "\x89PNG", "GIF8"];
const STILL = /^ftyp(heic|heix|mif1|avif)/;

/** 53 bits of a cyrb53 sum: enough to notice a mistake. */
class Sum {
  constructor() { this.a = 0xdeadbeef; this.b = 0x41c6ce57; }

  add(bytes) {
    for (const byte of bytes) {
      this.a = Math.imul(this.a ^ byte, 2654435761);
      this.b = Math.imul(this.b ^ byte, 1597334677);
    }
  }

  get text() {
    const a = Math.imul(this.a ^ (this.a >>> 16), 2246822507) ^ Math.imul(this.b ^ (this.b >>> 13), 3266489909);
    const b = Math.imul(this.b ^ (this.b >>> 16), 2246822507) ^ Math.imul(this.a ^ (this.a >>> 13), 3266489909);
    return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
  }
}

const piece = async (file, at) => new Uint8Array(await file.slice(at, at + HEAD).arrayBuffer());

/**
 * @param {File} file
 * @returns {Promise<{kind: string, sample: string}>} kind: "paper", "image" or "" ; throws where it cannot be read
 */
export async function look(file) {
  const head = await piece(file, 0), start = String.fromCharCode(...head.subarray(0, 12)), sum = new Sum();
  const paper = PAPERS.some((magic) => start.startsWith(magic));
  const image = IMAGES.some((magic) => start.startsWith(magic)) || STILL.test(start.slice(4)) || /^RIFF.{4}WEBP/s.test(start);
  for (const bytes of [head, await piece(file, Math.floor(file.size / 2)), await piece(file, Math.max(0, file.size - HEAD))]) sum.add(bytes);
  return { kind: paper ? "paper" : image ? "image" : "", sample: `${file.size}-${sum.text}` };
}

/** Can it still be read? */
export const readable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);
