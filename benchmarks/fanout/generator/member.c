/* A member's socket: connecting it, reading it, sending its lines. */
#define _GNU_SOURCE /* memmem */
#include "member.h"

#include "check.h"
#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { PACE = 64, EVENTS = 512 }; /* connections on their way at once, where not timed */

static void watch(struct load *load, struct member *member, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = member};
    if (epoll_ctl(load->epoll, operation, member->fd, &event) != 0)
        give_up("epoll_ctl: %s", strerror(errno));
}

static int open_socket(const struct load *load) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        give_up("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->options.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        give_up("connect: %s", strerror(errno));
    return fd;
}

static void send_whole(struct member *member, const char *text) {
    if (send(member->fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        give_up("a member cannot say its first line: %s", strerror(errno));
}

static void connected(struct load *load, struct member *member) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(member->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0 || getsockname(member->fd, (struct sockaddr *)&address, &length) != 0)
        give_up("connect: %s", strerror(error));
    member->port = ntohs(address.sin_port);
    member->is_connected = true;
    load->connected++;
    watch(load, member, EPOLL_CTL_MOD, EPOLLIN);
    if (load->options.dialect == IRC) {
        char hello[80];
        int number = (int)(member - load->members);
        snprintf(hello, sizeof hello, "NICK m%d\r\nUSER m 0 * :m\r\nJOIN #b\r\n", number);
        send_whole(member, hello);
    }
}

void connect_all(struct load *load) {
    const struct options *options = &load->options;
    for (int i = 0; i < options->stalled; i++)
        load->stalled[i] = open_socket(load);
    for (int i = 0; i < options->members; i++) {
        struct member *member = &load->members[i];
        member->fd = open_socket(load);
        watch(load, member, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
        while (!options->idle && i + 1 - load->connected >= PACE)
            turn(load, now() + 1);
    }
    for (double limit = now() + 30; load->connected < options->members;) {
        turn(load, now() + 0.1);
        if (now() > limit)
            give_up("only %d of %d connected", load->connected, options->members);
    }
}

/* Lines as they are sent, their numbers left blank. */
void compose_lines(struct load *load) {
    const struct options *options = &load->options;
    const char *before = options->dialect == IRC ? "PRIVMSG #b :" : "";
    const char *after = options->dialect == IRC ? "\r\n" : "\n";
    for (int i = 0; i < options->senders; i++) {
        struct sender *sender = &load->senders[i];
        sender->text_at = strlen(before);
        sender->length = sender->text_at + (size_t)options->text + strlen(after);
        sender->line = malloc(sender->length + 1);
        sender->queue = malloc(sender->length * (size_t)options->window);
        if (sender->line == NULL || sender->queue == NULL)
            give_up("no memory");
        snprintf(sender->line, sender->length + 1, "%s%04d %08d ", before, i, 0);
        for (int at = 14; at < options->text; at++)
            sender->line[sender->text_at + (size_t)at] = (char)('a' + (at + i) % 26);
        memcpy(sender->line + sender->length - strlen(after), after, strlen(after) + 1);
        sender->name_length = (size_t)(options->dialect == IRC
            ? snprintf(sender->name, sizeof sender->name, ":m%d!",
                       (int)(sender->member - load->members))
            : snprintf(sender->name, sizeof sender->name, "127.0.0.1:%d", sender->member->port));
    }
}

static void flush(struct load *load, struct sender *sender) {
    while (sender->taken < sender->queued) {
        ssize_t taken = send(sender->member->fd, sender->queue + sender->taken,
                             sender->queued - sender->taken, MSG_NOSIGNAL);
        if (taken < 0) {
            if (errno == EAGAIN)
                watch(load, sender->member, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        sender->taken += (size_t)taken;
    }
}

void refill(struct load *load, struct sender *sender, uint32_t lines) {
    if (sender->taken < sender->queued || lines == 0)
        return;
    sender->queued = sender->taken = 0;
    for (uint32_t i = 0; i < lines; i++) {
        char digits[9];
        snprintf(digits, sizeof digits, "%08u", sender->sent++);
        char *line = memcpy(sender->queue + sender->queued, sender->line, sender->length);
        memcpy(line + sender->text_at + 5, digits, 8);
        sender->queued += sender->length;
    }
    load->total += lines;
    flush(load, sender);
}

void say(const struct load *load, struct member *member, const char *word) {
    char line[32];
    snprintf(line, sizeof line, load->options.dialect == IRC ? "PRIVMSG #b :%s\r\n" : "%s\n", word);
    send_whole(member, line);
}

/* Whether the word was the last that came, however it was cut. */
static void listen_for(const char *word, struct member *member, const char *octets, size_t came) {
    size_t size = sizeof member->tail, kept = came < size ? size - came : 0;
    memmove(member->tail, member->tail + size - kept, kept);
    memcpy(member->tail + kept, octets + came - (size - kept), size - kept);
    member->has_heard |= memmem(member->tail, size, word, WORD) != NULL;
}

uint64_t owed_lines(const struct load *load, const struct member *member) {
    if (load->options.dialect == CHAT)
        return 2 * load->total;
    return load->total - (member->sender != NULL ? member->sender->sent : 0);
}

static void note_latencies(struct load *load, const struct member *member, uint64_t lines) {
    uint64_t each = load->options.dialect == IRC ? 1 : 2;
    double moment = now();
    for (uint64_t unit = (member->lines - lines) / each; unit < member->lines / each; unit++)
        if (load->latency_count < load->latency_room && unit < load->total)
            load->latencies[load->latency_count++] = (float)((moment - load->due[unit]) * 1e6);
}

static void take(struct load *load, struct member *member) {
    struct checker *checker = load->is_checking ? member->checker : NULL;
    char *at = checker != NULL ? checker->octets + checker->held : load->buffer;
    ssize_t came = recv(member->fd, at, checker != NULL ? CHECK_SIZE - checker->held : READ_SIZE, 0);
    if (came <= 0) {
        if (came < 0 && errno == EAGAIN)
            return;
        member->is_closed = true;
        load->closed++;
        epoll_ctl(load->epoll, EPOLL_CTL_DEL, member->fd, NULL);
        return;
    }
    uint64_t lines = count_lines(at, (size_t)came);
    member->lines += lines;
    member->octets += (uint64_t)came;
    load->lines += lines;
    if (load->awaited != NULL)
        listen_for(load->awaited, member, at, (size_t)came);
    if (load->is_timed)
        note_latencies(load, member, lines);
    if (checker == NULL)
        return;
    check(load, member, (size_t)came);
    struct sender *sender = checker->releases;
    if (sender != NULL && load->is_sending && !load->is_timed)
        refill(load, sender, (uint32_t)load->options.window - (sender->sent - sender->seen));
}

/* Send what is due on the schedule; lateness counts, since it is measured from the schedule. */
static void send_due(struct load *load) {
    uint64_t expirations;
    if (read(load->timer, &expirations, sizeof expirations) < 0 || !load->is_sending)
        return;
    struct sender *sender = &load->senders[0];
    for (double moment = now(); load->due[load->total] <= moment;)
        if (sender->taken < sender->queued)
            flush(load, sender);
        else
            refill(load, sender, 1);
}

void turn(struct load *load, double until) {
    struct epoll_event events[EVENTS];
    double left = until - now();
    int found = epoll_wait(load->epoll, events, EVENTS, left > 0 ? (int)(left * 1e3) + 1 : 0);
    for (int i = 0; i < found; i++) {
        struct member *member = events[i].data.ptr;
        if (member == NULL) {
            send_due(load);
            continue;
        }
        if (!member->is_connected) {
            connected(load, member);
            continue;
        }
        if (events[i].events & EPOLLOUT) {
            watch(load, member, EPOLL_CTL_MOD, EPOLLIN);
            flush(load, member->sender);
        }
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            take(load, member);
    }
}
