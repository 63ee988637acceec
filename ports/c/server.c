// chatproto-c: a server of chatproto/1 for Linux. One thread, non-blocking sockets, poll.
//
// First come lines, then addresses, then the log and the members, which are positions in it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum verdict { BLANK, MESSAGE, QUIT, TOO_LONG, INVALID };

// Decode one code point of strict UTF-8 (RFC 3629). Return its length, or 0 where there is none.
static size_t decode(const unsigned char *at, size_t left, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xC0 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3
                  : at[0] < 0xF8 ? 4 : 0;
    if (length == 0 || length > left)
        return 0;
    *point = length == 1 ? at[0] : at[0] & (0x7F >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        *point = *point << 6 | (at[i] & 0x3F);
    }
    bool surrogate = *point >= 0xD800 && *point <= 0xDFFF;
    return *point < least[length] || *point > 0x10FFFF || surrogate ? 0 : length;
}

// True for the 25 code points of White_Space (TXT-3).
static bool is_white(uint32_t point)
{
    return (point >= 0x09 && point <= 0x0D) || point == 0x20 || point == 0x85 || point == 0xA0 ||
           point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 ||
           point == 0x2029 || point == 0x202F || point == 0x205F || point == 0x3000;
}

// True outside the Unicode Assignables, and for CR (TXT-4).
static bool is_unsafe(uint32_t point)
{
    return (point < 0x20 && point != '\t') || (point >= 0x7F && point <= 0x9F) ||
           (point >= 0xFDD0 && point <= 0xFDEF) || (point & 0xFFFE) == 0xFFFE;
}

// Treat a line, without its LF, in the order of the standard: limit, decode, trim, compare, make
// safe. The text of a message is written to `text`, which has room for three times the limit.
static enum verdict judge(const unsigned char *line, size_t length, size_t limit,
                          unsigned char *text, size_t *text_length)
{
    if (length > limit)
        return TOO_LONG;

    size_t first = length, last = 0, width;
    uint32_t point;
    for (size_t at = 0; at < length; at += width) {
        width = decode(line + at, length - at, &point);
        if (width == 0)
            return INVALID;
        if (is_white(point))
            continue;
        if (first == length)
            first = at;
        last = at + width;
    }
    if (first == length)
        return BLANK;
    if (last - first == 4 && memcmp(line + first, "quit", 4) == 0)
        return QUIT;

    *text_length = 0;
    for (size_t at = first; at < last; at += width) {
        width = decode(line + at, last - at, &point);
        bool unsafe = is_unsafe(point);
        memcpy(text + *text_length, unsafe ? (const unsigned char *)"\xEF\xBF\xBD" : line + at,
               unsafe ? 3 : width);
        *text_length += unsafe ? 3 : width;
    }
    return MESSAGE;
}

static int listen_at(int family, const struct sockaddr *name, socklen_t size, const char **reason)
{
    int on = 1, fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    // Bind even where old connections are in TIME_WAIT (STOP-2).
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && bind(fd, name, size) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    *reason = strerror(errno);
    close(fd);
    return -1;
}

static int listen_on_tcp(const char *where, const char **reason)
{
    char host[256];
    const char *port = strrchr(where, ':');
    if (port == NULL || port == where || (size_t)(port - where) >= sizeof host)
        return -1;
    bool bracketed = where[0] == '[' && port[-1] == ']';
    int length = (int)(port - where) - 2 * bracketed;
    snprintf(host, sizeof host, "%.*s", length, where + bracketed);
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int failed = getaddrinfo(host, port + 1, &hints, &found);
    if (failed) {
        *reason = gai_strerror(failed);
        return -1;
    }
    int fd = listen_at(found->ai_family, found->ai_addr, found->ai_addrlen, reason);
    freeaddrinfo(found);
    return fd;
}

// Replace a socket file on which nobody listens, and nothing else (STOP-2).
static int listen_on_path(const char *path, const char **reason)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct sockaddr *generic = (struct sockaddr *)&name;
    struct stat found;
    if (strlen(path) >= sizeof name.sun_path) {
        *reason = "the path is too long for a socket";
        return -1;
    }
    strcpy(name.sun_path, path);
    if (lstat(path, &found) == 0 && S_ISSOCK(found.st_mode)) {
        int probe = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(probe, generic, sizeof name) != 0 && errno == ECONNREFUSED)
            unlink(path);
        close(probe);
    }
    return listen_at(AF_UNIX, generic, sizeof name, reason);
}

// Listen on an address. Return a descriptor, or -1 with the reason.
static int listen_on(const char *address, const char **reason)
{
    *reason = "the address is neither tcp://HOST:PORT nor unix:/PATH";
    if (strncmp(address, "tcp://", 6) == 0)
        return listen_on_tcp(address + 6, reason);
    return strncmp(address, "unix:", 5) == 0 ? listen_on_path(address + 5, reason) : -1;
}

// Write a peer's address as a broadcast's header shows it (MSG-2).
static void write_sender(const struct sockaddr *peer, char *sender, size_t size)
{
    static unsigned long unix_number;
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)peer;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)peer;
    const uint8_t *octets = ipv6->sin6_addr.s6_addr;
    bool mapped = peer->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&ipv6->sin6_addr);
    char text[INET6_ADDRSTRLEN];
    if (peer->sa_family == AF_INET || mapped) {
        inet_ntop(AF_INET, mapped ? octets + 12 : (void *)&ipv4->sin_addr, text, sizeof text);
        snprintf(sender, size, "%s:%u", text, ntohs(mapped ? ipv6->sin6_port : ipv4->sin_port));
    } else if (peer->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, octets, text, sizeof text);
        if (strchr(text, '.'))  // ::192.0.2.1; the header is in hexadecimal throughout
            snprintf(text, sizeof text, "::%x:%x", octets[12] << 8 | octets[13],
                     octets[14] << 8 | octets[15]);
        snprintf(sender, size, "[%s]:%u", text, ntohs(ipv6->sin6_port));
    } else
        snprintf(sender, size, "unix:%lu", ++unix_number);
}

enum {
    EVICT_AT = 4 << 20,      // octets that wait for a member before it is evicted (LIM-3)
    HOLD_AT = 2 << 20,       // and before one is not read until it has read (TRN-1)
    READ_SIZE = 64 * 1024,
    LEAVER_PATIENCE = 60000, // ms, with any leaver (QUIT-3)
    LINGER_ACKED = 1000,     // from the last acknowledgement
    LINGER_BLIND = 10000,    // from the shutting, where acknowledgements cannot be seen
    DEAD = 240000,           // without an answer (HB-2); the least that is asked for is 120 s
    LOOK = 10000,            // from one look for the dead to the next
    TICK = 20,
    STOP_PATIENCE = 2500,    // (STOP-1)
    ACCEPT_PAUSE = 100,      // when there are no descriptors
};

// The states of the standard. CLOSED stands for ABORTED as well.
enum state { OPEN, FLUSHING, FLUSHING_ENDED, LINGERING, CLOSED };

struct member {
    int fd;
    enum state state;
    bool seated;            // counts for capacity
    bool blocked;           // its socket takes no more
    bool mute;              // a write has failed
    char sender[64];
    uint64_t position;      // in the log: what is before it was sent
    unsigned char *rest;    // of one that has left: what it is owed, its notice included
    size_t sent, size;      // how much of it is sent, how much it is
    unsigned char *line;    // the incomplete line
    size_t length;
    bool acknowledged;      // the end of stream too, or that cannot be seen
    int64_t give_up;        // when to end the connection
};

// The log: all broadcasts in one order, from the position on that some member has still to pass.
static struct {
    unsigned char *octets;
    size_t used, size;
    uint64_t start, end;
} room_log;

static struct member **members;
static size_t count, room_for, seats;
static size_t capacity = 512, line_limit = 65536;
static unsigned char *text;  // of the message that is being treated
static int64_t now, stopped, heartbeat;  // ms; of this turn; when; how often; 0: not
static int listener, signals;

static void look_at_clock(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    now = time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void *grown(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (memory == NULL)
        abort();
    return memory;
}

static void log_append(const void *octets, size_t length)
{
    if (room_log.used + length > room_log.size) {
        room_log.size = 2 * room_log.size + length;
        room_log.octets = grown(room_log.octets, room_log.size);
    }
    memcpy(room_log.octets + room_log.used, octets, length);
    room_log.used += length;
    room_log.end += length;
}

// Forget what every position has passed, as soon as that is more than half of what is kept.
static void log_forget(uint64_t passed)
{
    size_t unneeded = passed - room_log.start;
    if (2 * unneeded <= room_log.used)
        return;
    room_log.used -= unneeded;
    room_log.start = passed;
    memmove(room_log.octets, room_log.octets + unneeded, room_log.used);
}

// Close a connection in order, or abort it: without waiting for anything.
static void end(struct member *m, bool aborted)
{
    struct linger none = {.l_onoff = aborted};
    setsockopt(m->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(m->fd);
    m->state = CLOSED;
    seats -= m->seated;
}

// End a membership: what the leaver is owed is fixed, and then its notice.
static void leave(struct member *m, enum state state, const char *notice)
{
    size_t owing = m->mute ? 0 : room_log.end - m->position;
    m->state = state;
    m->size = owing + strlen(notice);
    m->rest = grown(NULL, m->size + 1);
    if (owing > 0)
        memcpy(m->rest, room_log.octets + (m->position - room_log.start), owing);
    memcpy(m->rest + owing, notice, strlen(notice));
    m->give_up = now + LEAVER_PATIENCE;
}

static uint64_t owed(const struct member *m)
{
    if (m->mute || m->state >= LINGERING)
        return 0;
    return m->state == OPEN ? room_log.end - m->position : m->size - m->sent;
}

// Write, and return how many octets the socket took. A member that cannot be written to is still
// read (QUIT-5).
static size_t put(struct member *m, const void *octets, size_t length)
{
    ssize_t sent = send(m->fd, octets, length, 0);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        m->blocked = true;
    } else if (errno != EINTR) {
        m->mute = true;
        if (m->state != OPEN)
            end(m, true);
    }
    return 0;
}

// Send what is owed, as much as the socket takes, and shut the writing side after the last.
static void deliver(struct member *m)
{
    if (owed(m) > 0 && m->state == OPEN)
        m->position += put(m, room_log.octets + (m->position - room_log.start), owed(m));
    else if (owed(m) > 0)
        m->sent += put(m, m->rest + m->sent, owed(m));
    if (m->state == OPEN || m->state >= LINGERING || owed(m) > 0)
        return;
    if (shutdown(m->fd, SHUT_WR) != 0)
        end(m, true);
    else if (m->state == FLUSHING_ENDED)
        end(m, false);
    else
        m->state = LINGERING;
}

// Deliver, evict who lags too far behind, and forget what all have passed.
static void deliver_all(void)
{
    uint64_t passed = room_log.end;
    for (size_t i = 0; i < count; i++) {
        struct member *m = members[i];
        if (m->state >= LINGERING)
            continue;
        deliver(m);
        if (m->state == OPEN && owed(m) > EVICT_AT)
            end(m, true);
        if (m->state == OPEN && !m->mute && m->position < passed)
            passed = m->position;
    }
    log_forget(passed);
}

// Treat one line of a member: the incomplete one, with what was read of it before.
static void treat(struct member *m, const unsigned char *line, size_t length, const char *header)
{
    static const char *const notices[] = {
        [QUIT] = "", [TOO_LONG] = "!line-too-long\n", [INVALID] = "!invalid-text not UTF-8\n"};
    size_t size;
    enum verdict verdict = judge(line, length, line_limit, text, &size);
    if (verdict == MESSAGE) {
        log_append(header, strlen(header));
        log_append(text, size);
        log_append("\n", 1);
    } else if (verdict != BLANK)
        leave(m, FLUSHING, notices[verdict]);
}

// Cut what was read into lines. Judge an incomplete line as a complete one, as soon as it is too
// long (LIM-2), and search no octet twice.
static void hear(struct member *m, const unsigned char *octets, size_t length)
{
    char header[96];
    time_t seconds = time(NULL);
    size_t size = strftime(header, sizeof header, "%Y%m%d %H:%M:%S ", gmtime(&seconds));
    snprintf(header + size, sizeof header - size, "%s\n", m->sender);

    while (length > 0 && m->state == OPEN) {
        const unsigned char *lf = memchr(octets, '\n', length);
        size_t part = lf == NULL ? length : (size_t)(lf - octets);
        if (m->length + part > line_limit)
            part = line_limit + 1 - m->length;
        m->line = grown(m->line, m->length + part + 1);
        memcpy(m->line + m->length, octets, part);
        size_t whole = m->length += part;
        if (lf != NULL || whole > line_limit) {
            m->length = 0;
            treat(m, m->line, whole, header);
        }
        octets += part + (lf != NULL);
        length -= part + (lf != NULL);
    }
}

static void read_from(struct member *m)
{
    static unsigned char buffer[READ_SIZE];
    ssize_t length = recv(m->fd, buffer, sizeof buffer, 0);
    if (length < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            end(m, true);
    } else if (length > 0) {
        hear(m, buffer, length);  // of a leaver, nothing
    } else if (m->state == OPEN) {
        leave(m, FLUSHING_ENDED, "");
    } else if (m->state == FLUSHING)
        m->state = FLUSHING_ENDED;
    else
        end(m, false);
}

// Admit the connections that wait, or refuse them (LIM-5). Return when to go on accepting.
static int64_t admit(void)
{
    static const int on = 1, options[][2] = {
        {TCP_NODELAY, 1}, {TCP_KEEPIDLE, 60}, {TCP_KEEPINTVL, 10}, {TCP_KEEPCNT, 6}};
    for (;;) {
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof peer;
        int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                return now + ACCEPT_PAUSE;
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                return 0;
            continue;  // that one was gone before it was taken
        }
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
            setsockopt(fd, IPPROTO_TCP, options[i][0], &options[i][1], sizeof options[i][1]);

        struct member *m = grown(NULL, sizeof *m);
        *m = (struct member){.fd = fd, .state = OPEN, .seated = seats < capacity,
                             .position = room_log.end,  // nothing from before (ROOM-1)
                             .give_up = INT64_MAX};
        write_sender((struct sockaddr *)&peer, m->sender, sizeof m->sender);
        seats += m->seated;
        if (!m->seated)
            leave(m, FLUSHING, "!room-full\n");
        if (count == room_for)
            members = grown(members, (room_for = 2 * room_for + 16) * sizeof *members);
        members[count++] = m;
    }
}

// True if a peer's system has long answered nothing. While octets wait for it, keepalive does not
// ask, and Linux itself gives up after a quarter of an hour. One that does not read still answers.
static bool is_dead(const struct member *m)
{
    struct tcp_info told = {0};  // as it stays on a Unix-domain socket
    socklen_t size = sizeof told;
    getsockopt(m->fd, IPPROTO_TCP, TCP_INFO, &told, &size);
    return told.tcpi_last_ack_recv > DEAD && told.tcpi_last_data_recv > DEAD;
}

// Do what is due by time, and drop the connections that are over. Return how long to wait, in ms.
static int see_to_all(void)
{
    static int64_t look_at;
    bool looks = now >= look_at;
    look_at = looks ? now + LOOK : look_at;
    int wait = LOOK;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct member *m = members[i];
        int waiting = -1;  // octets not acknowledged; -1: that cannot be seen
        if (m->state == LINGERING && !m->acknowledged &&
            (ioctl(m->fd, TIOCOUTQ, &waiting) != 0 || waiting == 0)) {
            m->acknowledged = true;
            m->give_up = now + (waiting == 0 ? LINGER_ACKED : LINGER_BLIND);
        }
        if (m->state != CLOSED && (now > m->give_up || (looks && is_dead(m))))
            end(m, !m->acknowledged);
        if (m->state == CLOSED) {
            free(m->line);
            free(m->rest);
            free(m);
            continue;
        }
        members[kept++] = m;
        if (owed(m) > 0 && !m->blocked)
            wait = 0;
        else if (m->state != OPEN && wait > TICK)
            wait = TICK;
    }
    count = kept;
    return wait;
}

// Read the console. Return whether it says `quit`; set *open to false at its end.
static bool read_console(bool *open)
{
    static unsigned char line[256], safe[3 * sizeof line];
    static size_t length;
    unsigned char buffer[256];
    size_t size;
    ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
    *open = got > 0 || (got < 0 && errno == EINTR);
    for (ssize_t i = 0; i < got; i++) {
        if (buffer[i] == '\n' && judge(line, length, sizeof line - 1, safe, &size) == QUIT)
            return true;
        if (buffer[i] == '\n')
            length = 0;
        else if (length < sizeof line)
            line[length++] = buffer[i];
    }
    return false;
}

static void stop(void)
{
    close(listener);  // and with it whoever waits to be admitted
    for (size_t i = 0; i < count; i++)
        if (members[i]->state == OPEN)
            leave(members[i], FLUSHING, "!shutting-down\n");
    stopped = now;
}

// One turn: wait, read, accept messages, deliver, admit. Return false when the server has ended.
static bool turn(void)
{
    enum { LISTENER, CONSOLE, SIGNAL, MEMBERS };
    static struct pollfd *polled;
    static int64_t accept_at, beat;
    static bool console = true;
    look_at_clock();
    int wait = see_to_all();
    if (stopped && (count == 0 || now - stopped >= STOP_PATIENCE))
        return false;
    if (wait != 0 && (stopped || accept_at || heartbeat))
        wait = TICK;
    polled = grown(polled, (MEMBERS + count) * sizeof *polled);
    bool accepting = !stopped && now >= accept_at;
    polled[LISTENER] = (struct pollfd){.fd = accepting ? listener : -1, .events = POLLIN};
    polled[CONSOLE] = (struct pollfd){.fd = console ? STDIN_FILENO : -1, .events = POLLIN};
    polled[SIGNAL] = (struct pollfd){.fd = stopped ? -1 : signals, .events = POLLIN};
    for (size_t i = 0; i < count; i++) {
        struct member *m = members[i];
        bool held = m->state == OPEN && owed(m) > HOLD_AT;
        short in = m->state == FLUSHING_ENDED || held ? 0 : POLLIN;
        short out = m->blocked && owed(m) > 0 ? POLLOUT : 0;
        polled[MEMBERS + i] = (struct pollfd){.fd = m->fd, .events = in | out};
    }
    if (poll(polled, MEMBERS + count, wait) < 0)
        return errno == EINTR;
    look_at_clock();

    bool quit = polled[CONSOLE].revents && read_console(&console);
    if (!stopped && (quit || polled[SIGNAL].revents))
        stop();
    for (size_t i = 0; i < count; i++) {
        struct member *m = members[i];
        uint64_t before = room_log.end;
        short found = polled[MEMBERS + i].revents;
        if (found & (POLLOUT | POLLERR | POLLHUP))
            m->blocked = false;
        if (found & (POLLIN | POLLERR | POLLHUP) && m->state < CLOSED && m->state != FLUSHING_ENDED)
            read_from(m);
        if (room_log.end >> 20 != before >> 20)  // many may have much to say
            deliver_all();
    }
    if (heartbeat && now >= beat) {
        log_append("\n", 1);
        beat = now + heartbeat;
    }
    deliver_all();
    if (!stopped && polled[LISTENER].revents)
        accept_at = admit();
    return true;
}

int main(int argc, char **argv)
{
    const char *address = "tcp://127.0.0.1:9999", *reason = "";
    bool usable = argc % 2 == 1;
    for (int i = 1; usable && i < argc; i += 2) {
        if (strcmp(argv[i], "--listen") == 0)
            address = argv[i + 1];
        else if (strcmp(argv[i], "--capacity") == 0)
            capacity = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--line-limit") == 0)
            line_limit = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--heartbeat") == 0)
            heartbeat = (int64_t)(1000 * strtod(argv[i + 1], NULL));
        else
            usable = false;
    }
    if (!usable || line_limit < 1024 || line_limit > 1 << 20 || heartbeat < 0) {
        fprintf(stderr, "usage: chatproto-c [--listen tcp://HOST:PORT|unix:/PATH] [--capacity N] "
                        "[--line-limit 1024..1048576] [--heartbeat SECONDS]\n");
        return 2;
    }
    listener = listen_on(address, &reason);
    if (listener < 0) {
        fprintf(stderr, "chatproto-c: cannot listen on %s: %s\n", address, reason);
        return 1;
    }
    sigset_t stopping;
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGTERM);
    sigaddset(&stopping, SIGINT);
    sigprocmask(SIG_BLOCK, &stopping, NULL);
    if ((signals = signalfd(-1, &stopping, 0)) < 0)
        return 1;
    signal(SIGPIPE, SIG_IGN);
    text = grown(NULL, 3 * line_limit);
    while (turn())
        continue;
    if (strncmp(address, "unix:", 5) == 0)
        unlink(address + 5);
}
