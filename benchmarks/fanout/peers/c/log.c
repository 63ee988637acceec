/* The design of the reference server in C, as its limit: one thread, one log, a cursor a member.
 *
 * Each turn of the loop reads every socket that has something, appends the broadcasts to the log,
 * and sends each member the log from its cursor on, in one call. A member whose socket is full
 * waits for the socket; one that falls BEHIND octets back is disconnected.
 */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 65536, READ = 65536, EVENTS = 512, QUEUE = 4096, STAMP = 18 };
enum { BEHIND = 16 << 20, LOG = 2 * BEHIND };

struct member {
    int fd;
    bool is_full;    /* its socket took less than it was owed */
    bool is_leaving; /* to be closed when this turn's reading is over */
    size_t cursor;   /* where in the log it stands */
    size_t held;     /* octets of an unfinished line */
    char *line;
    char sender[24];
    size_t sender_length;
};

static struct member **members;
static int count, room, epoll;
static char *history; /* the log: broadcasts, up to `end` */
static size_t end;
static char stamp[STAMP + 1];

static void require(bool is_well, const char *what) {
    if (!is_well) {
        perror(what);
        exit(1);
    }
}

static void watch(struct member *member, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = member};
    require(epoll_ctl(epoll, operation, member->fd, &event) == 0, "epoll_ctl");
}

static void join(int fd, const struct sockaddr_in *peer) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (count == room)
        members = realloc(members, (size_t)(room = room * 2 + 64) * sizeof *members);
    struct member *member = calloc(1, sizeof *member);
    require(members != NULL && member != NULL, "memory");
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &peer->sin_addr, host, sizeof host);
    member->fd = fd;
    member->cursor = end;
    member->sender_length = (size_t)snprintf(member->sender, sizeof member->sender, "%s:%d\n", host,
                                             ntohs(peer->sin_port));
    members[count++] = member;
    watch(member, EPOLL_CTL_ADD, EPOLLIN);
}

static void accept_all(int listener) {
    struct sockaddr_in peer;
    for (socklen_t size = sizeof peer;; size = sizeof peer) {
        int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        join(fd, &peer);
    }
}

static void append(const char *octets, size_t length) {
    memcpy(history + end, octets, length);
    end += length;
}

/* Make room for a broadcast: drop what all have had, and whoever holds up half of the log. */
static void make_room(size_t length) {
    if (end + length <= LOG)
        return;
    size_t begin = end;
    for (int i = 0; i < count; i++) {
        if (end - members[i]->cursor > BEHIND) {
            members[i]->is_leaving = true;
            members[i]->cursor = end;
        }
        if (members[i]->cursor < begin)
            begin = members[i]->cursor;
    }
    memmove(history, history + begin, end - begin);
    for (int i = 0; i < count; i++)
        members[i]->cursor -= begin;
    end -= begin;
}

static bool is_space(char octet) {
    return octet == ' ' || (octet >= '\t' && octet <= '\r');
}

static void take_line(struct member *member, const char *line, size_t length) {
    while (length > 0 && is_space(line[length - 1]))
        length--;
    while (length > 0 && is_space(*line))
        line++, length--;
    if (length == 0)
        return;
    if (length == 4 && memcmp(line, "quit", 4) == 0) {
        member->is_leaving = true;
        return;
    }
    make_room(STAMP + member->sender_length + length + 1);
    append(stamp, STAMP);
    append(member->sender, member->sender_length);
    append(line, length);
    append("\n", 1);
}

static void take_octets(struct member *member, const char *octets, size_t length) {
    const char *line_end;
    while (!member->is_leaving && (line_end = memchr(octets, '\n', length)) != NULL) {
        size_t part = (size_t)(line_end - octets);
        if (member->held == 0) {
            take_line(member, octets, part);
        } else if (member->held + part <= LINE) {
            memcpy(member->line + member->held, octets, part);
            take_line(member, member->line, member->held + part);
            member->held = 0;
        } else {
            member->is_leaving = true;
        }
        octets += part + 1;
        length -= part + 1;
    }
    if (member->is_leaving || length == 0)
        return;
    if (member->held + length > LINE) {
        member->is_leaving = true;
        return;
    }
    if (member->line == NULL)
        require((member->line = malloc(LINE)) != NULL, "memory");
    memcpy(member->line + member->held, octets, length);
    member->held += length;
}

static void receive(struct member *member) {
    static char octets[READ];
    ssize_t came = recv(member->fd, octets, sizeof octets, 0);
    if (came > 0)
        take_octets(member, octets, (size_t)came);
    else if (came == 0 || errno != EAGAIN)
        member->is_leaving = true;
}

static void look_at_clock(void) {
    static time_t last;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec == last)
        return;
    struct tm parts;
    strftime(stamp, sizeof stamp, "%Y%m%d %H:%M:%S ", gmtime_r(&now.tv_sec, &parts));
    last = now.tv_sec;
}

static void distribute(void) {
    size_t slowest = end;
    for (int i = 0; i < count; i++) {
        struct member *member = members[i];
        if (member->cursor < end && !member->is_full) {
            ssize_t taken = send(member->fd, history + member->cursor, end - member->cursor, MSG_NOSIGNAL);
            if (taken > 0)
                member->cursor += (size_t)taken;
            else if (errno != EAGAIN)
                member->is_leaving = true;
            if (member->cursor < end && !member->is_leaving) {
                member->is_full = true;
                watch(member, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            }
        }
        if (member->is_leaving) { /* the last takes its place, and its turn */
            close(member->fd);
            free(member->line);
            free(member);
            members[i--] = members[--count];
        } else if (member->cursor < slowest) {
            slowest = member->cursor;
        }
    }
    if (slowest == end) { /* nobody is owed anything: begin again, where the cache is warm */
        for (int i = 0; i < count; i++)
            members[i]->cursor = 0;
        end = 0;
    }
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    require(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    require(listen(fd, QUEUE) == 0, "listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    require(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    return fd;
}

int main(int argument_count, char **arguments) {
    require(argument_count == 2, "usage: log PORT");
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    require((history = malloc(LOG)) != NULL, "memory");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(atoi(arguments[1]));
    for (;;) {
        struct epoll_event events[EVENTS];
        int found = epoll_wait(epoll, events, EVENTS, -1);
        look_at_clock();
        for (int i = 0; i < found; i++) {
            struct member *member = events[i].data.ptr;
            if (member == NULL) {
                accept_all(listener);
                continue;
            }
            if (events[i].events & EPOLLOUT) {
                member->is_full = false;
                watch(member, EPOLL_CTL_MOD, EPOLLIN);
            }
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                receive(member);
        }
        distribute();
    }
}
