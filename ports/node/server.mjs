#!/usr/bin/env node
// chatproto-node: a server of chatproto/1, a line-based group chat.
import { lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { parseArgs } from 'node:util';

import { LineReader } from './line.mjs';
import { Member, Room } from './room.mjs';
import { formatSender } from './sender.mjs';

const STOP_PATIENCE = 2500; // ms that members are served after the stop (STOP-1)
const KEEPALIVE = 60_000; // ms of silence before a peer is asked whether it lives (HB-2)

const { values: options } = parseArgs({
  options: {
    listen: { type: 'string', default: 'tcp://127.0.0.1:9999' },
    capacity: { type: 'string', default: '1000' },
    'line-limit': { type: 'string', default: '65536' },
    heartbeat: { type: 'string', default: '0' }, // s; 0: none
  },
});
const lineLimit = Number(options['line-limit']);
const heartbeat = Number(options.heartbeat);
const capacity = Number(options.capacity);
if (!(lineLimit >= 1024 && lineLimit <= 1 << 20 && heartbeat >= 0 && capacity >= 0)) {
  fail('--line-limit is from 1024 to 1048576, --heartbeat and --capacity from 0', 2);
}

const room = new Room(capacity);
const server = createServer({
  allowHalfOpen: true, // an end of stream is no end of reading
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEPALIVE,
});
let stopped = false;
let unixNumber = 0;

server.on('connection', (socket) => {
  const sender = senderOf(socket);
  if (stopped || sender === undefined) {
    socket.on('error', () => {});
    socket.destroy();
    return;
  }
  const lines = new LineReader(lineLimit);
  const member = new Member(room, socket, (octets) => hear(member, sender, lines, octets), () => {
    if (stopped && room.members.size === 0) process.exit(0);
  });
  room.admit(member);
});

/** The peer's address; undefined if the connection is lost already. */
function senderOf(socket) {
  if (typeof server.address() === 'string') return `unix:${++unixNumber}`;
  return socket.remoteAddress && formatSender(socket.remoteAddress, socket.remotePort);
}

/** Accept the messages of what was read, in one piece, and leave if the member does. */
function hear(member, sender, lines, octets) {
  const [date, time] = new Date().toISOString().replaceAll('-', '').split(/[T.]/);
  const header = `${date} ${time} ${sender}\n`;
  let broadcasts = '';
  let notice;
  for (const line of lines.read(octets)) {
    if (line.kind === 'message') broadcasts += `${header}${line.text}\n`;
    if (line.kind === 'quit') notice = '';
    if (line.kind === 'violation') notice = `!${line.code}\n`;
    if (notice !== undefined) break;
  }
  if (broadcasts) room.append(broadcasts);
  if (notice !== undefined) member.leave(notice);
}

function stop() {
  if (stopped) return;
  stopped = true;
  setTimeout(() => process.exit(0), STOP_PATIENCE);
  server.close(); // and with it whoever waits to be admitted
  for (const member of room.members) member.leave('!shutting-down\n');
  if (room.members.size === 0) process.exit(0);
}

// A second signal ends the process at once. The console's end is no stop.
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
const console = new LineReader(1024);
process.stdin.on('error', () => {});
process.stdin.on('data', (octets) => {
  for (const line of console.read(octets)) if (line.kind === 'quit') stop();
});

if (heartbeat > 0) setInterval(() => room.append('\n'), 1000 * heartbeat);

/** Listen on tcp://HOST:PORT or unix:/PATH; Node.js sets SO_REUSEADDR itself (STOP-2). */
function listen(address) {
  const backlog = 4096;
  const tcp = /^tcp:\/\/(?:\[(.+)\]|([^[\]]+)):(\d+)$/.exec(address);
  const path = /^unix:(.+)$/s.exec(address)?.[1];
  if (tcp) server.listen({ host: tcp[1] ?? tcp[2], port: Number(tcp[3]), backlog });
  else if (path) replaceDead(path, () => server.listen({ path, backlog }));
  else fail(`${address} is neither tcp://HOST:PORT nor unix:/PATH`, 2);
}

/** Remove a socket file on which nobody listens, and nothing else (STOP-2). */
function replaceDead(path, then) {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return then();
  const probe = connect(path);
  probe.on('connect', () => probe.destroy());
  probe.on('error', (error) => error.code === 'ECONNREFUSED' && unlinkSync(path));
  probe.on('close', then);
}

function fail(why, status) {
  process.stderr.write(`chatproto-node: ${why}\n`);
  process.exit(status);
}

server.on('error', (error) => {
  if (!server.listening) fail(`cannot listen on ${options.listen}: ${error.message}`, 1);
});
listen(options.listen);
