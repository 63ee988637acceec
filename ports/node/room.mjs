// The room: a log, and the members that read it. A member is a position in the log.

const EVICT_AT = 8 << 20; // octets that wait here for a member before it is evicted (LIM-3)
const HOLD_AT = 4 << 20; // and before one is not read until it has read (TRN-1)
const LOOK_EACH = 1 << 20; // octets of the log between two looks at who lags
const WRITE_SIZE = 64 << 10;
const LEAVER_PATIENCE = 60_000; // ms, with any leaver (QUIT-3)
const LINGER = 10_000; // Node.js cannot see acknowledgements (QUIT-3)

export class Room {
  /** The log's last entry. An entry leads to the next, so those that all have passed are freed. */
  tail = { octets: null, end: 0, next: null };
  members = new Set(); // leavers and those refused included
  #capacity;
  #looked = 0;
  #scheduled = false;

  constructor(capacity) {
    this.#capacity = capacity;
  }

  /** Make a connection a member, or refuse it (LIM-5). */
  admit(member) {
    const seats = [...this.members].filter((other) => other.seated).length;
    member.seated = seats < this.#capacity;
    member.taken = member.sent = this.tail;
    this.members.add(member);
    if (!member.seated) member.leave('!room-full\n');
  }

  /** Add whole units to the log. They are sent at the end of this turn, or when they are many. */
  append(units) {
    const octets = Buffer.from(units);
    const entry = { octets, end: this.tail.end + octets.length, next: null };
    this.tail = this.tail.next = entry;
    if (entry.end - this.#looked > LOOK_EACH) {
      this.#looked = entry.end;
      for (const member of this.members) {
        member.deliver();
        if (!member.left && member.lag > EVICT_AT) member.abort();
      }
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        for (const member of this.members) member.deliver();
      });
    }
  }
}

export class Member {
  left = false;
  seated = false; // counts for capacity
  taken; // the last entry that is being sent
  sent; // the last entry handed to the system
  #room;
  #socket;
  #rest = []; // of one that has left: what it is owed, its notice included
  #mute = false; // a write has failed
  #writing = false;
  #timer;

  constructor(room, socket, onOctets, onClose) {
    this.#room = room;
    this.#socket = socket;
    for (const name of ['_write', '_writev']) this.#forgiveFailing(name);
    socket.on('data', (octets) => {
      if (this.left) return; // discarded (QUIT-4)
      onOctets(octets);
      if (this.lag > HOLD_AT && !this.left) socket.pause();
    });
    socket.on('end', () => this.leave(''));
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      this.left = true;
      clearTimeout(this.#timer);
      room.members.delete(this);
      onClose();
    });
  }

  /** Octets that wait in the server for this member. */
  get lag() {
    return this.#mute || this.left ? 0 : this.#room.tail.end - this.sent.end;
  }

  /**
   * Let a write fail without ending the stream, which Node.js would destroy with all that has come
   * and is not read yet. What the client had sent before its end of stream counts (QUIT-5).
   */
  #forgiveFailing(name) {
    const write = this.#socket[name];
    this.#socket[name] = (...given) => {
      const done = given.pop();
      write.call(this.#socket, ...given, (error) => {
        if (error) {
          this.#mute = true;
          this.taken = this.sent = undefined;
        }
        done();
      });
    };
  }

  /** Send what is owed, one write after another, and close in order after the last. */
  deliver() {
    if (this.#writing || this.#socket.destroyed || this.#socket.writableEnded) return;
    if (this.#mute) {
      if (this.left) this.abort();
      return;
    }
    const owed = this.left ? this.#rest.splice(0) : this.#take(WRITE_SIZE);
    if (owed.length > 0) this.#write(owed);
    else if (this.left) this.#socket.end(() => this.#linger());
  }

  /** Move on in the log, by about so many octets at most, and return what was passed. */
  #take(size) {
    const owed = [];
    for (; size > 0 && this.taken !== this.#room.tail; size -= this.taken.octets.length) {
      this.taken = this.taken.next;
      owed.push(this.taken.octets);
    }
    return owed;
  }

  #write(owed) {
    this.#writing = true;
    this.#socket.cork();
    const last = owed.pop();
    for (const octets of owed) this.#socket.write(octets);
    this.#socket.write(last, () => {
      this.#writing = false;
      this.sent = this.taken;
      if (this.lag <= HOLD_AT) this.#socket.resume();
      this.deliver();
    });
    this.#socket.uncork();
  }

  /** End the membership: what the leaver is owed is fixed, and then its notice. */
  leave(notice) {
    if (this.left) return;
    this.left = true;
    if (!this.#mute) this.#rest = this.#take(Infinity);
    if (notice) this.#rest.push(notice);
    this.taken = this.sent = undefined; // keep no more of the log alive
    this.#timer = setTimeout(() => this.abort(), LEAVER_PATIENCE);
    this.#socket.resume();
    this.deliver();
  }

  /** Read and discard for a while, so that no reset destroys what the leaver has yet to read. */
  #linger() {
    clearTimeout(this.#timer);
    if (!this.#socket.destroyed) this.#timer = setTimeout(() => this.#socket.destroy(), LINGER);
  }

  /** End the connection without waiting for anything. */
  abort() {
    this.left = true;
    if (this.#socket.destroyed) return;
    if (this.#socket.remoteFamily) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }
}
