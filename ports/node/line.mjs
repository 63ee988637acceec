// A client's lines: how they are cut, and what the server makes of each.

/** The 25 code points of White_Space (TXT-3); trim() and \s take U+FEFF as well. */
const WHITE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const EDGES = new RegExp(`^${WHITE}+|(?<!${WHITE})${WHITE}+$`, 'gu');

/** What is outside the Unicode Assignables, and CR (TXT-4). */
const UNSAFE = /[\x00-\x08\n-\x1f\x7f-\x9f\p{Noncharacter_Code_Point}]/gu;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LF = 0x0a;

/** Treat a line in the order of the standard: limit, decode, trim, compare, make safe. */
export function judge(line, limit) {
  if (line.length > limit) return { kind: 'violation', code: 'line-too-long' };
  let text;
  try {
    text = UTF8.decode(line);
  } catch {
    return { kind: 'violation', code: 'invalid-text' };
  }
  text = text.replace(EDGES, '');
  if (text === '') return { kind: 'blank' };
  if (text === 'quit') return { kind: 'quit' };
  return { kind: 'message', text: text.replace(UNSAFE, '\ufffd') };
}

/** Cuts octets into lines, however they were cut into reads (FRM-1), and searches none twice. */
export class LineReader {
  #limit;
  #incomplete = Buffer.alloc(0);
  #length = 0;

  constructor(limit) {
    this.#limit = limit;
  }

  /** Yield what each line turned out to be. A line is too long before its end, too (LIM-2). */
  *read(octets) {
    for (let from = 0, end = 0; end >= 0; from = end + 1) {
      end = octets.indexOf(LF, from);
      const part = octets.subarray(from, end < 0 ? undefined : end);
      const line = end >= 0 && this.#length === 0 ? part : this.#append(part);
      if (end >= 0) this.#length = 0;
      if (end >= 0 || line.length > this.#limit) yield judge(line, this.#limit);
    }
  }

  /** Keep a part of a line, and no more than shows that it is too long. */
  #append(part) {
    const length = Math.min(this.#length + part.length, this.#limit + 1);
    if (length > this.#incomplete.length) {
      const grown = Buffer.alloc(2 * length);
      this.#incomplete.copy(grown, 0, 0, this.#length);
      this.#incomplete = grown;
    }
    part.copy(this.#incomplete, this.#length, 0, length - this.#length);
    this.#length = length;
    return this.#incomplete.subarray(0, length);
  }
}
