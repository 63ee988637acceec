// A peer's address, as a broadcast's header shows it (MSG-2).
import { isIPv4 } from 'node:net';

/** Write an address as `host:port`, IPv6 in brackets and in the form of RFC 5952. */
export function formatSender(host, port) {
  if (isIPv4(host)) return `${host}:${port}`;
  const groups = parseIPv6(host.replace(/%.*/s, ''));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const octets = groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]);
    return `${octets.join('.')}:${port}`;
  }
  return `[${formatIPv6(groups)}]:${port}`;
}

function parseIPv6(text) {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/;
  const hexadecimal = text.replace(dotted, (_, a, b, c, d) =>
    [(a << 8) | b, (c << 8) | d].map((group) => group.toString(16)).join(':'));
  const [before, after] = hexadecimal.split('::').map((side) =>
    side === '' ? [] : side.split(':').map((group) => parseInt(group, 16)));
  if (after === undefined) return before;
  return [...before, ...Array(8 - before.length - after.length).fill(0), ...after];
}

function formatIPv6(groups) {
  let longest = { from: 0, length: 1 };
  for (let from = 0; from < 8; from++) {
    let length = 0;
    while (groups[from + length] === 0) length++;
    if (length > longest.length) longest = { from, length };
  }
  const written = groups.map((group) => group.toString(16));
  if (longest.length < 2) return written.join(':');
  const before = written.slice(0, longest.from);
  const after = written.slice(longest.from + longest.length);
  return `${before.join(':')}::${after.join(':')}`;
}
